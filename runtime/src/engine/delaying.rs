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
use crate::sink::Room;
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

    pub fn room(&self) -> Room {
        match self {
            Work::AtOnce(logic) => logic.room(),
            Work::Delayed(logic) if logic.is_full() => Room::Busy,
            Work::Delayed(_) => Room::Plenty,
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

    /// The oldest epoch that is held.
    pub fn first(&self) -> Option<Epoch> {
        self.ticks.front().map(|(at, _)| *at)
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
            self.reports.send(cap, &mut vec![Report { marks: vec![promise], idle: vec![], ended: vec![], read: 0 }]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{OperatorInfo, Section};
    use crate::parcel::Parcel;
    use std::task::Poll;

    /// In flight since.
    struct InFlight(Option<i64>);

    impl Logic for InFlight {
        fn on_batch(&mut self, _port: usize, _batch: Parcel, _cx: &mut Turn<'_>) -> Result<()> {
            Ok(())
        }
        fn freeze(&mut self, _n: u64) -> Result<()> {
            Ok(())
        }
        fn poll_snapshot(&mut self, _task: &mut Context<'_>, _hurry: bool) -> Poll<Result<Vec<Section>>> {
            Poll::Ready(Ok(vec![]))
        }
        fn info(&mut self) -> OperatorInfo {
            OperatorInfo::new("calls", "calls")
        }
    }
    impl Delayed for InFlight {
        fn poll_results(&mut self, _task: &mut Context<'_>, _cx: &mut Turn<'_>) -> Result<More> {
            Ok(More::No)
        }
        fn oldest_in_flight(&self) -> Option<Timestamp> {
            self.0.map(Timestamp)
        }
    }

    #[test]
    fn the_end_is_promised_only_when_nothing_is_in_flight_and_nothing_above_goes_on() {
        const MAX: i64 = i64::MAX;
        let promise = |oldest, mark, over| Work::Delayed(Box::new(InFlight(oldest))).promise(Timestamp(mark), over);
        assert_eq!(promise(None, 10, false), 10);
        assert_eq!(promise(Some(7), 10, false), 7);
        assert_eq!(promise(Some(20), 10, false), 10, "a record above may be older");
        assert_eq!(promise(Some(7), MAX, true), 7);
        assert_eq!(promise(Some(MAX), MAX, true), MAX - 1, "a record at the end of time");
        assert_eq!(promise(None, MAX, false), MAX - 1, "something without event time above goes on");
        assert_eq!(promise(None, MAX, true), MAX);
        assert_eq!(promise(None, i64::MIN, true), MAX, "no event time above");
    }
}
