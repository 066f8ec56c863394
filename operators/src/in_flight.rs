//! Records whose calls are in flight: keyed state, with a key for each call.
use crate::store::{Columned, Store};
use millstream_runtime::Result;
use millstream_runtime::checkpoint::{OperatorInfo, Section};
use millstream_runtime::codec::{KeyHasher, key_group, owner};
use millstream_runtime::data::State;
use millstream_runtime::graph::OperatorInit;
use millstream_runtime::state::{Column, KeyedState, Slot, StateSpace, Value};
use millstream_runtime::time::Timestamp;
use std::collections::BTreeMap;
use std::task::{Context, Poll};

/// The first checkpoint of the attempt, the call's number on its worker, the worker. Sorts by age, and is never used
/// twice, since numbers of checkpoints are not. In checkpoints: never changes.
pub(crate) type CallId = (u64, u64, u32);

/// Makes ids whose key group belongs to this worker, which then finds its calls again after a restart.
pub(crate) struct Ids {
    attempt: u64,
    worker: usize,
    workers: usize,
    last: u64,
    hasher: KeyHasher,
}

impl Ids {
    pub fn new(init: &OperatorInit<'_>) -> Self {
        let (attempt, worker, workers) = (init.first_number(), init.worker, init.workers);
        Self { attempt, worker, workers, last: 0, hasher: KeyHasher::default() }
    }

    /// The next one; skips, of n workers, about n - 1 numbers.
    pub fn next(&mut self) -> CallId {
        loop {
            self.last += 1;
            let id = (self.attempt, self.last, self.worker as u32);
            if owner(key_group(self.hasher.hash(&id)), self.workers) == self.worker {
                return id;
            }
        }
    }
}

/// The records in flight on one worker.
pub(crate) struct InFlight<T: State> {
    store: Store<CallId>,
    records: Records<T>,
    hasher: KeyHasher,
    /// By age, with their event times.
    ids: BTreeMap<CallId, Option<Timestamp>>,
    /// How many have an event time; of none, [`Timestamp::MIN`].
    times: BTreeMap<Timestamp, usize>,
}

/// A record and its event time.
struct Records<T: State>(Value<(T, Option<Timestamp>)>);

impl<T: State> Columned for Records<T> {
    fn columns(&mut self) -> Vec<&mut dyn Column> {
        self.0.columns()
    }
}

impl<T: State> InFlight<T> {
    /// With what was in flight at the checkpoint.
    pub fn open(init: &OperatorInit<'_>) -> Result<Self> {
        let mut store = Store::in_memory(init, "async_map");
        let mut records = Records(Value::open(&mut StateSpace::new(store.cursor())));
        store.restore(init, &mut records)?;
        let mut found = vec![];
        store.for_each(&mut records, |records, _, id| found.extend(records.0.get().map(|(_, at)| (*id, *at))))?;
        let (ids, times) = (BTreeMap::new(), BTreeMap::new());
        let mut all = Self { store, records, hasher: KeyHasher::default(), ids, times };
        found.into_iter().for_each(|(id, at)| all.note(id, at));
        Ok(all)
    }

    /// The records, oldest call first.
    pub fn all(&mut self) -> Result<Vec<(CallId, T)>> {
        let mut all = vec![];
        self.store.for_each(&mut self.records, |records, _, id| {
            all.extend(records.0.get().map(|(record, _)| (*id, record.clone())));
        })?;
        all.sort_unstable_by_key(|(id, _)| *id);
        Ok(all)
    }

    fn note(&mut self, id: CallId, at: Option<Timestamp>) {
        self.ids.insert(id, at);
        *self.times.entry(at.unwrap_or(Timestamp::MIN)).or_default() += 1;
    }

    fn enter(&mut self, id: CallId) {
        let mut slots: Vec<Slot> = Vec::with_capacity(1);
        self.store.resolve(&[self.hasher.hash(&id)], |_| &id, &mut slots);
        slots.into_iter().for_each(|slot| self.store.enter(slot));
    }

    /// Takes a record. [`InFlight::settle`] comes before anything else happens.
    pub fn add(&mut self, id: CallId, record: T, at: Option<Timestamp>) {
        self.enter(id);
        self.records.0.set((record, at));
        self.note(id, at);
    }

    /// Forgets a record; gives its event time. [`InFlight::settle`] comes before anything else happens.
    pub fn remove(&mut self, id: CallId) -> Option<Timestamp> {
        self.enter(id);
        self.records.0.clear();
        let at = self.ids.remove(&id)?;
        let key = at.unwrap_or(Timestamp::MIN);
        if let Some(count) = self.times.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                self.times.remove(&key);
            }
        }
        at
    }

    /// After changes: empty rows go.
    pub fn settle(&mut self) -> Result<()> {
        self.store.settle(&mut self.records)
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// The oldest call.
    pub fn oldest(&self) -> Option<CallId> {
        self.ids.first_key_value().map(|(id, _)| *id)
    }

    /// The least event time.
    pub fn earliest(&self) -> Option<Timestamp> {
        self.times.first_key_value().map(|(at, _)| *at)
    }

    pub fn freeze(&mut self) -> Result<()> {
        self.store.freeze(&mut self.records)
    }

    pub fn poll_snapshot(&mut self, task: &mut Context<'_>, hurry: bool) -> Poll<Result<Vec<Section>>> {
        self.store.poll_snapshot(task, hurry, &mut self.records)
    }

    pub fn info(&mut self) -> OperatorInfo {
        self.store.info(&mut self.records)
    }
}
