//! Watermarks and processing time that arrived at an operator, by epoch, each with the capability to emit what they fire.
use super::epoch::{Epoch, interval};
use super::pace::Plant;
use super::tick::{Mark, Tick};
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use timely::dataflow::operators::Capability;

/// What an epoch's end tells an operator.
pub(crate) struct Closing {
    pub caps: Vec<Capability<Epoch>>,
    marks: Vec<(u32, i64)>,
    now: Option<i64>,
}

/// What has been told, and what has been applied.
pub(crate) struct Marks {
    queue: BTreeMap<Epoch, Closing>,
    applied: BTreeMap<u32, i64>,
    /// Of an operator that asks for the end: further origins, which bring no time, but must end before its input has.
    ends: BTreeMap<u32, i64>,
    now: i64,
}

impl Marks {
    /// `applied` has every origin above the operator, with what a checkpoint says of it or `i64::MIN`.
    pub fn new(applied: BTreeMap<u32, i64>, ends: BTreeSet<u32>, now: i64) -> Self {
        let ends = ends.into_iter().map(|origin| (origin, i64::MIN)).collect();
        Self { queue: BTreeMap::new(), applied, ends, now }
    }

    pub fn push_marks(&mut self, at: Epoch, caps: impl FnOnce() -> Vec<Capability<Epoch>>, marks: &mut Vec<Mark>) {
        self.entry(at, caps).marks.extend(marks.drain(..).map(|m| (m.origin, m.watermark)));
    }

    pub fn push_tick(&mut self, at: Epoch, caps: impl FnOnce() -> Vec<Capability<Epoch>>, tick: &Tick) {
        self.entry(at, caps).now = Some(tick.now);
    }

    fn entry(&mut self, at: Epoch, caps: impl FnOnce() -> Vec<Capability<Epoch>>) -> &mut Closing {
        self.queue.entry(at).or_insert_with(|| Closing { caps: caps(), marks: vec![], now: None })
    }

    /// The oldest epoch whose time has come and is not applied.
    pub fn first(&self) -> Option<Epoch> {
        self.queue.keys().next().copied()
    }

    /// Applies what belongs to the oldest epoch that has passed, if it is of the interval at hand.
    pub fn pop(&mut self, low: Epoch, current: u64, plant: Plant) -> Option<Vec<Capability<Epoch>>> {
        let first = self.queue.first_entry()?;
        let at = *first.key();
        if interval(at) > current || (at >= low && plant != Plant::EarlyWatermark) {
            return None;
        }
        let closing = first.remove();
        for (origin, mark) in closing.marks {
            // The other origins of the source are not above this operator.
            for applied in self.applied.get_mut(&origin).into_iter().chain(self.ends.get_mut(&origin)) {
                *applied = (*applied).max(mark);
            }
        }
        self.now = self.now.max(closing.now.unwrap_or(i64::MIN));
        Some(closing.caps)
    }

    /// The operator's watermark: the minimum over the origins above it; the start of time where there is none.
    pub fn watermark(&self) -> Timestamp {
        Timestamp(self.applied.values().copied().min().unwrap_or(i64::MIN))
    }

    /// Whether everything above has ended, as far as the operator hears of it.
    pub fn is_over(&self) -> bool {
        let hears = !self.applied.is_empty() || !self.ends.is_empty();
        hears && self.applied.values().chain(self.ends.values()).all(|mark| *mark == i64::MAX)
    }

    /// Whether there is any origin above.
    pub fn is_timed(&self) -> bool {
        !self.applied.is_empty()
    }

    /// Processing time.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.now)
    }

    /// What has been applied, for the snapshot.
    pub fn applied(&self) -> &BTreeMap<u32, i64> {
        &self.applied
    }
}
