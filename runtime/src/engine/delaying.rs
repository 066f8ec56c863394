//! What a driver needs besides for a delaying operator: one that waits for the world, so that no call in flight holds an
//! epoch open.
//!
//! Everything that it emits leaves in the epoch of the last tick it received, which may be ahead of its input; it enters
//! the next interval only after its snapshot, else an answer would be in no snapshot. At the close of each epoch it
//! reports what it promises: it is an origin of watermarks for everything below.
use super::epoch::{Epoch, interval};
use super::logic::{Delayed, Logic, More, Turn};
use super::pace::Plant;
use super::ports::Port;
use super::tick::Report;
use crate::Result;
use crate::time::Timestamp;
use std::collections::VecDeque;
use std::task::Context;
use timely::dataflow::StreamVec;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

/// The logic of an operator, by when its results leave.
pub(crate) enum Work {
    /// In the epochs of what they answer.
    AtOnce(Box<dyn Logic>),
    /// When the world has answered.
    Delayed(Box<dyn Delayed>),
}

impl Work {
    pub fn logic(&mut self) -> &mut dyn Logic {
        match self {
            Work::AtOnce(logic) => &mut **logic,
            Work::Delayed(logic) => &mut **logic,
        }
    }

    pub fn poll_results(&mut self, task: &mut Context<'_>, turn: &mut Turn<'_>) -> Result<More> {
        match self {
            Work::AtOnce(_) => Ok(More::No),
            Work::Delayed(logic) => logic.poll_results(task, turn),
        }
    }

    pub fn is_full(&self) -> bool {
        match self {
            Work::AtOnce(_) => false,
            Work::Delayed(logic) => logic.is_full(),
        }
    }

    /// What the operator promises, where the origins above it promised `watermark`; `i64::MAX` proves that nothing above
    /// it will ever send a record again, and that it is empty.
    pub fn promise(&self, watermark: Timestamp, above_is_over: bool) -> i64 {
        let in_flight = match self {
            Work::AtOnce(_) => None,
            Work::Delayed(logic) => logic.oldest_in_flight(),
        };
        match in_flight {
            None if above_is_over => i64::MAX,
            oldest => oldest.map_or(watermark, |at| at.min(watermark)).0.min(i64::MAX - 1),
        }
    }
}

/// The epochs that a delaying operator holds: the first is the one in which its results leave.
pub(crate) struct HeldEpochs {
    reports: Port<Report>,
    /// With a capability for each output, the reports' last.
    ticks: VecDeque<(Epoch, Vec<Capability<Epoch>>)>,
    plant: Plant,
}

impl HeldEpochs {
    /// Adds the output of reports to an operator, behind its others.
    pub fn add<'s>(builder: &mut OperatorBuilder<'s, Epoch>, plant: Plant) -> (Self, StreamVec<'s, Epoch, Report>) {
        let (reports, stream) = Port::add(builder);
        (Self { reports, ticks: VecDeque::new(), plant }, stream)
    }

    /// A tick has come.
    pub fn push(&mut self, at: Epoch, caps: Vec<Capability<Epoch>>) {
        self.ticks.push_back((at, caps));
    }

    /// By which capabilities results leave during interval `n`; none while its first tick has not come.
    pub fn current(&self, n: u64) -> Option<&[Capability<Epoch>]> {
        let (at, caps) = self.ticks.front()?;
        (interval(*at) == n || self.plant == Plant::AsyncAhead).then_some(caps)
    }

    /// Closes the epochs that a later tick of interval `n` follows, and those of earlier intervals.
    pub fn advance(&mut self, n: u64, promise: impl Fn() -> i64) {
        while let Some((first, _)) = self.ticks.front() {
            let enters = |at: &Epoch| interval(*at) <= n || self.plant == Plant::AsyncAhead;
            let is_followed = self.ticks.get(1).is_some_and(|(at, _)| enters(at));
            if !is_followed && interval(*first) >= n {
                return;
            }
            self.close(promise());
        }
    }

    /// Closes all, after the last interval.
    pub fn close_all(&mut self, promise: i64) {
        while !self.ticks.is_empty() {
            self.close(promise);
        }
    }

    fn close(&mut self, promise: i64) {
        let Some((_, caps)) = self.ticks.pop_front() else { return };
        if let Some(cap) = caps.last() {
            self.reports.send(cap, &mut vec![Report { marks: vec![promise], ended: vec![], read: 0 }]);
        }
    }
}
