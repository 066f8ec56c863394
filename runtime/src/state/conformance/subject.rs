//! A backend under test with its state and timers, and what it writes.
use super::super::backend::{Backend, Columns, EntrySink};
use super::super::column::Column;
use super::super::cursor::Slot;
use super::super::error::StateError;
use super::super::keyed::{KeyedState, StateSpace};
use super::super::plan::{Plan, StoredState, Unknown};
use super::super::timers::{Domain, Timers};
use super::super::{List, Map, Value};
use super::Make;
use super::model::View;
use crate::checkpoint::Entry as Change;
use crate::codec::KeyHasher;
use crate::time::Timestamp;
use std::collections::BTreeSet;

/// Every kind of column, with and without a TTL.
#[derive(millstream_derive::KeyedState)]
pub(super) struct Probe {
    pub(super) count: Value<u64>,
    pub(super) name: Value<String>,
    pub(super) log: List<u32>,
    pub(super) map: Map<u16, String>,
    #[state(ttl = "1s")]
    pub(super) fresh: Value<u64>,
    #[state(ttl = "1s")]
    pub(super) recent: List<u32>,
    #[state(ttl = "1s")]
    pub(super) seen: Map<u16, u64>,
}

/// An operator's worth of keyed state.
pub(super) struct Subject<S = Probe> {
    pub(super) rows: Box<dyn Backend<String>>,
    pub(super) state: S,
    pub(super) timers: Timers<u8>,
    hasher: KeyHasher,
}

impl<S: KeyedState> Subject<S> {
    pub(super) fn new(make: Make<'_>, now: i64) -> Self {
        let rows = make();
        let cursor = rows.cursor().clone();
        cursor.set_now(Timestamp(now));
        let state = S::open(&mut StateSpace::new(&cursor));
        Self { rows, state, timers: Timers::new(&cursor), hasher: KeyHasher::default() }
    }

    /// Calls the backend with all columns.
    pub(super) fn with<R>(&mut self, call: impl FnOnce(&mut dyn Backend<String>, Columns<'_, '_>) -> R) -> R {
        let mut columns: Vec<&mut dyn Column> = self.state.columns();
        columns.push(self.timers.column());
        call(self.rows.as_mut(), &mut columns)
    }

    pub(super) fn hash(&mut self, key: &String) -> u64 {
        self.hasher.hash(key)
    }

    pub(super) fn resolve(&mut self, keys: &[String]) -> Vec<Slot> {
        let hashes: Vec<u64> = keys.iter().map(|key| self.hasher.hash(key)).collect();
        let mut slots = Vec::new();
        self.rows.resolve_batch(&hashes, &|i| &keys[i], &mut slots);
        self.with(|rows, columns| rows.load(columns, &slots)).expect("rows can be loaded");
        assert_eq!(slots.len(), keys.len());
        for (slot, key) in slots.iter().zip(keys) {
            assert_eq!(self.rows.key(*slot), Some(key), "a slot is that of its key");
        }
        slots
    }

    /// Makes the key the one that is processed.
    pub(super) fn enter(&mut self, key: &str) {
        let key = key.to_string();
        let hash = self.hash(&key);
        let slot = self.rows.resolve(hash, &key);
        self.with(|rows, columns| rows.load(columns, &[slot])).expect("the row can be loaded");
        self.rows.cursor().enter(slot);
    }

    pub(super) fn settle(&mut self) -> Result<(), StateError> {
        self.rows.cursor().leave();
        self.with(|rows, columns| rows.settle(columns))
    }

    pub(super) fn freeze(&mut self) -> Result<(), StateError> {
        self.with(|rows, columns| rows.freeze(columns))
    }

    /// A whole snapshot, durable at once.
    pub(super) fn snapshot(&mut self) -> Snapshot {
        self.freeze().expect("no snapshot is outstanding");
        let mut snapshot = Snapshot::of(self);
        while !self.with(|rows, columns| rows.encode(columns, 3, &mut snapshot)).expect("it can be encoded") {}
        self.with(|rows, columns| rows.durable(columns));
        snapshot
    }

    pub(super) fn plan(&mut self, stored: &StoredState, unknown: Unknown) -> Result<Plan, StateError> {
        self.with(|_, columns| Plan::new::<String>(stored.clone(), columns, unknown))
    }

    /// Replays those entries of a snapshot whose group it owns.
    pub(super) fn restore(&mut self, snapshot: &Snapshot, owns: impl Fn(u16) -> bool) -> Result<(), StateError> {
        let plan = self.plan(&snapshot.stored, Unknown::Refuse)?;
        for (group, entry) in snapshot.entries.iter().filter(|(group, _)| owns(*group)) {
            self.with(|rows, columns| rows.restore(columns, &plan, *group, entry.change()))?;
        }
        self.settle()
    }
}

impl Subject {
    /// What the handles show of a key.
    pub(super) fn view(&mut self, key: &str) -> View {
        let key = key.to_string();
        let hash = self.hash(&key);
        let Some(slot) = self.rows.find(hash, &key) else { return View::default() };
        self.with(|rows, columns| rows.load(columns, &[slot])).expect("the row can be loaded");
        self.rows.cursor().enter(slot);
        let state = &self.state;
        let view = View {
            count: state.count.get().copied(),
            name: state.name.get().cloned(),
            log: state.log.iter().collect(),
            map: state.map.iter().collect(),
            fresh: state.fresh.get().copied(),
            recent: state.recent.iter().collect(),
            seen: state.seen.iter().collect(),
        };
        assert_eq!(state.recent.len(), view.recent.len(), "the length of a list is that of what it shows");
        assert_eq!(state.map.first().map(|(key, _)| *key), view.map.keys().next().copied(), "the first is the least");
        self.rows.cursor().leave();
        view
    }

    /// Fires what is due, and checks its order.
    pub(super) fn fire(&mut self, domain: Domain, up_to: i64) -> BTreeSet<(i64, String, u8)> {
        let (mut fired, mut last) = (BTreeSet::new(), None);
        while let Some(due) = self.timers.pop_due(domain, Timestamp(up_to)) {
            let order = Some((due.at, due.slot, due.timer));
            assert!(last < order, "timers fire in order, each once: {last:?} before {order:?}");
            last = order;
            let key = self.rows.key(due.slot).expect("a row with a timer is there").clone();
            fired.insert((due.at.0, key, due.timer));
        }
        fired
    }
}

/// What a backend wrote for one snapshot.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) stored: StoredState,
    pub(super) entries: Vec<(u16, Entry)>,
}

/// One entry.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Entry {
    Put(u16, Vec<u8>, Vec<u8>, Vec<u8>),
    Delete(u16, Vec<u8>, Vec<u8>),
    DeleteRow(Vec<u8>),
}

impl Entry {
    pub(super) fn change(&self) -> Change<'_> {
        match self {
            Self::Put(column, key, sub, value) => Change::Put { column: *column, key, sub, value },
            Self::Delete(column, key, sub) => Change::Delete { column: *column, key, sub },
            Self::DeleteRow(key) => Change::DeleteRow { key },
        }
    }
}

impl Snapshot {
    pub(super) fn of<S: KeyedState>(subject: &mut Subject<S>) -> Self {
        let stored = subject.with(|_, columns| StoredState::of::<String>(columns));
        Self { stored, entries: Vec::new() }
    }
}

impl EntrySink for Snapshot {
    fn put(&mut self, group: u16, column: u16, key: &[u8], sub: &[u8], value: &[u8]) {
        self.entries.push((group, Entry::Put(column, key.into(), sub.into(), value.into())));
    }

    fn delete(&mut self, group: u16, column: u16, key: &[u8], sub: &[u8]) {
        self.entries.push((group, Entry::Delete(column, key.into(), sub.into())));
    }

    fn delete_row(&mut self, group: u16, key: &[u8]) {
        self.entries.push((group, Entry::DeleteRow(key.into())));
    }
}
