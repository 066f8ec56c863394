//! What every operator of one worker sees.
use super::backlog::Backlog;
use super::commits::Committer;
use super::discovery::{Discovered, Discovery};
use super::epoch::Epoch;
use super::pace::{Jitter, Pace, mix};
use crate::run::Status;
use crate::run::control::{Control, Event};
use crate::run::restored::Restored;
use crate::state::StateBackend;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::task::Waker;
use timely::scheduling::{Activator, SyncActivator};

/// See the module.
#[derive(Clone)]
pub(crate) struct WorkerCx {
    pub job: Rc<str>,
    /// Of the state folder.
    pub incarnation: Rc<str>,
    pub index: usize,
    pub workers: usize,
    /// The first interval of this attempt.
    pub first: u64,
    /// Processing time at the start.
    pub start_now: i64,
    pub pace: Pace,
    pub control: Arc<Control>,
    pub status: Arc<Status>,
    pub events: tokio::sync::mpsc::UnboundedSender<Event>,
    pub restored: Option<Rc<Restored>>,
    /// Uids whose unknown state may be dropped.
    pub drop_state: Rc<Vec<String>>,
    /// Where keyed state is.
    pub state_backend: StateBackend,
    /// The frontier of the slowest sink.
    pub seen: Rc<Cell<Epoch>>,
    /// Batches that wait in the inboxes of this worker.
    pub backlog: Rc<Backlog>,
    /// Worker 0: which splits exist.
    pub discovery: Rc<RefCell<Discovery>>,
    /// Worker 0: what the enumerator has found.
    pub discovered: Rc<RefCell<Option<Receiver<Discovered>>>>,
    /// Worker 0: what delaying operators promise, by origin.
    pub delaying: Rc<RefCell<BTreeMap<u32, i64>>>,
    /// Worker 0: records read since the last tick.
    pub activity: Rc<Cell<u64>>,
    /// Worker 0: wakes the ticker.
    pub ticker: Rc<RefCell<Option<Activator>>>,
    pub committers: Rc<RefCell<Vec<Box<dyn Committer>>>>,
}

impl WorkerCx {
    /// Tells the coordinator. It is gone only when the attempt is over.
    pub fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    /// Random numbers of an operator, in a test that wants them.
    pub fn jitter(&self, operator: u64) -> Option<Jitter> {
        let seed = |s: u64| Jitter::new(mix(s ^ (operator << 40) ^ ((self.index as u64) << 50)));
        self.pace.jitter.map(seed)
    }

    /// Wakes the ticker, on worker 0.
    pub fn wake_ticker(&self) {
        if let Some(ticker) = self.ticker.borrow().as_ref().filter(|_| self.index == 0) {
            ticker.activate();
        }
    }

    /// The ticker looks by itself at each slice, but not while it is throttled.
    pub fn wake_ticker_at_the_end(&self) {
        if self.discovery.borrow().is_over() {
            self.wake_ticker();
        }
    }

    pub fn take_discovered(&self) {
        if let Some(found) = self.discovered.borrow().as_ref() {
            found.try_iter().for_each(|what| self.discovery.borrow_mut().found(what));
        }
    }

    pub fn delaying_are_over(&self) -> bool {
        self.delaying.borrow().values().all(|mark| *mark == i64::MAX)
    }
}

/// Wakes an operator from any thread.
pub(crate) fn waker_of(activator: SyncActivator) -> Waker {
    Waker::from(Arc::new(Wakes(activator)))
}

struct Wakes(SyncActivator);

impl std::task::Wake for Wakes {
    fn wake(self: Arc<Self>) {
        let _ = self.0.activate(); // the worker is gone only when the attempt is over
    }
}
