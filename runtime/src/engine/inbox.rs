//! The inbox of an operator: one first-in, first-out queue over all inputs; batches of later intervals wait.
use super::backlog::Backlog;
use super::epoch::{DONE, Epoch, end, epoch, interval};
use super::pace::Plant;
use crate::parcel::Parcel;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use timely::dataflow::operators::Capability;
use timely::progress::Timestamp;

/// A batch that arrived, with the right to answer it: a capability for each output.
pub(crate) struct Letter<T: Timestamp = Epoch> {
    pub caps: Vec<Capability<T>>,
    pub port: usize,
    pub batch: Parcel,
}

/// Two queues are enough, since a cut starts only when the checkpoint before it is settled: records of interval n + 2
/// cannot arrive before snapshot n.
pub(crate) struct Inbox<T: Timestamp = Epoch> {
    now: VecDeque<(Epoch, Letter<T>)>,
    later: VecDeque<(Epoch, Letter<T>)>,
    open: BTreeMap<Epoch, usize>,
    /// The interval that is being processed.
    pub interval: u64,
    plant: Plant,
    /// Counts what waits here and in the other inboxes of the worker.
    backlog: Rc<Backlog>,
}

impl<T: Timestamp> Inbox<T> {
    pub fn new(first: u64, plant: Plant, backlog: Rc<Backlog>) -> Self {
        Self { now: VecDeque::new(), later: VecDeque::new(), open: BTreeMap::new(), interval: first, plant, backlog }
    }

    pub fn push(&mut self, at: Epoch, letter: Letter<T>) {
        *self.open.entry(at).or_default() += 1;
        self.backlog.add();
        let waits = interval(at) > self.interval && self.plant != Plant::NoWait;
        let queue = if waits { &mut self.later } else { &mut self.now };
        queue.push_back((at, letter));
    }

    pub fn pop(&mut self) -> Option<Letter<T>> {
        let (at, letter) = self.now.pop_front()?;
        self.backlog.remove();
        if let Some(count) = self.open.get_mut(&at) {
            *count -= 1;
            if *count == 0 {
                self.open.remove(&at);
            }
        }
        Some(letter)
    }

    /// Whether batches wait that may be processed now.
    pub fn has_work(&self) -> bool {
        !self.now.is_empty()
    }

    /// The least epoch that is not yet processed: in the frontiers, or here.
    pub fn low(&self, frontier: Epoch) -> Epoch {
        let oldest = self.open.keys().next().copied().unwrap_or(DONE);
        if self.plant == Plant::NoInbox { frontier } else { frontier.min(oldest) }
    }

    /// Whether everything of the interval has been processed.
    pub fn is_cut(&self, low: Epoch) -> bool {
        low > if self.plant == Plant::FirstSlice { epoch(self.interval, 0) } else { end(self.interval) }
    }

    /// Goes on to the next interval, after the snapshot.
    pub fn advance(&mut self) {
        self.interval += 1;
        self.now.append(&mut self.later);
    }
}
