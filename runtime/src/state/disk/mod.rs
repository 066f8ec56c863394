//! The backend for state larger than memory: rows that were used lately are in memory, the others in an LSM tree.
//!
//! In memory it is [`Memory`], with its columns, marks and snapshots. When the budget is exceeded, what changed since the
//! last snapshot is written ahead of the next one ([`Changes`]), so that every row is clean; then rows that were not used
//! lately go to the disk, each as one value under its encoded key. A row comes back as a whole before it is entered.
//! A row with timers, or of an operator that remembers slots, leaves its cells only and keeps its slot: it is hollow.
mod cold;
mod expiring;
mod folder;
mod leaving;
mod scratch;
mod warmth;

pub use scratch::{Scratch, StateBackend};

use super::backend::{Backend, Columns, EntrySink};
use super::changes::Changes;
use super::column::StoredColumn;
use super::cursor::{Cursor, Slot};
use super::error::StateError;
use super::memory::Memory;
use super::plan::Plan;
use crate::checkpoint::{Entries, Entry, Grouped};
use crate::codec::{decode, encode_into, hash_bytes, key_group};
use crate::data::Key;
use cold::ColdRows;
use std::rc::Rc;
use warmth::Warmth;

/// While entries are replayed, the budget is looked at once for so many.
const REPLAY_STEP: u32 = 256;

/// For so many cells that a round of removal may visit in memory it looks at one row on the disk.
const EXPIRE_PART: usize = 16;

/// See the module.
pub struct Disk<K> {
    memory: Memory<K>,
    cold: ColdRows,
    warmth: Warmth,
    /// Rows that are on the disk only.
    asleep: usize,
    /// Rows whose cells are.
    hollow: usize,
    /// Slots that were made since the last load: the disk may have their rows.
    fresh: Vec<Slot>,
    /// Whether rows keep their slots.
    pinned: bool,
    /// What changed and left memory before its checkpoint.
    ahead: Changes,
    frozen: Option<Ahead>,
    /// The columns as they are now, once they are known.
    described: Rc<[StoredColumn]>,
    replayed: u32,
    /// Where the removal of what is too old goes on, on the disk.
    swept: Option<Vec<u8>>,
    /// Encoded keys so far: how many, and their bytes.
    keys: (usize, usize),
    /// Where little could be sent, there is no use in trying again before more than this is used.
    patience: u64,
    /// Whether the budget is exceeded while no row can leave, since a snapshot is being encoded.
    is_short: bool,
}

/// What was written ahead of the outstanding snapshot.
struct Ahead {
    entries: Grouped,
    is_given: bool,
}

impl<K: Key> Disk<K> {
    /// Without keys. `cursor` is that of the state.
    ///
    /// # Errors
    /// Where the scratch folder cannot be used.
    pub fn new(cursor: &Rc<Cursor>, scratch: &std::sync::Arc<Scratch>) -> Result<Self, StateError> {
        let mut memory = Memory::new(cursor);
        memory.watch();
        let cold = scratch.shelve()?;
        Ok(Self {
            memory,
            ahead: Changes::spooled(cold.spool()),
            cold,
            warmth: Warmth::default(),
            asleep: 0,
            hollow: 0,
            fresh: Vec::new(),
            pinned: false,
            frozen: None,
            described: Rc::new([]),
            replayed: 0,
            swept: None,
            keys: (0, 0),
            patience: 0,
            is_short: false,
        })
    }

    /// From now on a row keeps its slot as long as it is there: for operators that remember slots.
    pub fn pin(&mut self) {
        self.pinned = true;
    }

    /// Whether no more rows should come in before the outstanding snapshot is encoded.
    pub fn is_short(&self) -> bool {
        self.is_short
    }

    /// For what a snapshot writes.
    pub fn changes(&self) -> Changes {
        Changes::spooled(self.cold.spool())
    }

    /// As [`Backend::resolve_batch`], without a call by pointer for each key.
    #[inline]
    pub fn resolve_all<'k>(&mut self, hashes: &[u64], key: impl Fn(usize) -> &'k K, out: &mut Vec<Slot>)
    where
        K: 'k,
    {
        let (start, known) = (out.len(), self.fresh.len());
        let fresh = &mut self.fresh;
        self.memory.resolve_noting(hashes, key, out, |slot| fresh.push(slot));
        for slot in &self.fresh[known..] {
            self.warmth.begin(*slot);
        }
        self.warmth.touch(&out[start..]);
    }

    fn describe(&mut self, columns: &Columns<'_, '_>) -> Rc<[StoredColumn]> {
        if self.described.len() != columns.len() {
            self.described = columns.iter().map(|column| column.describe()).collect();
        }
        Rc::clone(&self.described)
    }

    fn encoded(&self, slot: Slot) -> Result<Vec<u8>, StateError> {
        let mut bytes = Vec::new();
        match self.memory.key(slot) {
            Some(key) => encode_into(key, &mut bytes).map(|()| bytes).map_err(StateError::Key),
            None => Ok(bytes),
        }
    }

    /// Brings the row of a slot back, if the disk has it.
    fn wake(&mut self, columns: Columns<'_, '_>, slot: Slot, key: &[u8]) -> Result<bool, StateError> {
        let Some(row) = self.cold.get(key)? else { return Ok(false) };
        let described = self.describe(&columns);
        for entry in Entries::new(&row, "a row on the disk", 0) {
            let Ok(Entry::Put { column, sub, value, .. }) = entry else {
                return Err(StateError::Key("its row on the disk cannot be read".into()));
            };
            let at = usize::from(column);
            columns[at].restore(&described[at], slot, sub, value)?;
        }
        match self.warmth.is_hollow(slot) {
            true => self.hollow -= 1,
            false => {
                self.asleep -= 1;
                self.memory.mark_stored(slot);
            }
        }
        self.warmth.fill(slot);
        Ok(true)
    }

    /// A hollow row that has lost its last timer is not empty: its cells are elsewhere.
    fn wake_emptied(&mut self, columns: Columns<'_, '_>) -> Result<(), StateError> {
        if self.hollow == 0 {
            return Ok(());
        }
        let cursor = Rc::clone(self.memory.cursor());
        let emptied = cursor.take_emptied();
        for slot in &emptied {
            if self.warmth.is_hollow(*slot) {
                let key = self.encoded(*slot)?;
                self.wake(columns, *slot, &key)?;
            }
            cursor.emptied(*slot);
        }
        Ok(())
    }

    /// Rows that were removed must not come back from the disk.
    fn bury(&mut self) -> Result<(), StateError> {
        for (slot, key) in self.memory.take_departed() {
            if self.warmth.has_copy(slot) {
                let mut bytes = Vec::new();
                encode_into(&key, &mut bytes).map_err(StateError::Key)?;
                self.cold.remove(&bytes)?;
            }
            self.warmth.end(slot);
        }
        Ok(())
    }

    /// Brings the row of a stored key into memory, wherever it is; where it is nowhere, a put will need it.
    fn meet(&mut self, columns: Columns<'_, '_>, plan: &Plan, group: u16, change: Entry<'_>) -> Result<(), StateError> {
        let key = change.key();
        if let Some(slot) = self.memory.restored(plan, group, key, false)? {
            if self.warmth.is_hollow(slot) {
                self.wake(columns, slot, key)?;
            }
            return Ok(());
        }
        self.keys = (self.keys.0 + 1, self.keys.1 + key.len());
        let is_needed = matches!(change, Entry::Put { .. }) || (self.asleep > 0 && self.cold.has(key)?);
        if is_needed && let Some(slot) = self.memory.restored(plan, group, key, true)? {
            self.warmth.begin(slot);
            if self.asleep > 0 {
                self.wake(columns, slot, key)?;
            }
        }
        Ok(())
    }
}

impl<K: Key> Backend<K> for Disk<K> {
    fn cursor(&self) -> &Rc<Cursor> {
        self.memory.cursor()
    }

    fn resolve(&mut self, hash: u64, key: &K) -> Slot {
        let mut slots = Vec::with_capacity(1);
        self.resolve_all(&[hash], |_| key, &mut slots);
        slots[0]
    }

    fn resolve_batch<'k>(&mut self, hashes: &[u64], key: &dyn Fn(usize) -> &'k K, out: &mut Vec<Slot>)
    where
        K: 'k,
    {
        self.resolve_all(hashes, key, out);
    }

    fn find(&mut self, hash: u64, key: &K) -> Option<Slot> {
        if let Some(slot) = self.memory.find(hash, key) {
            return Some(slot);
        }
        let mut bytes = Vec::new();
        let is_there = self.asleep > 0 && encode_into(key, &mut bytes).is_ok() && self.cold.has(&bytes).ok()?;
        is_there.then(|| self.resolve(hash, key))
    }

    fn load(&mut self, columns: Columns<'_, '_>, slots: &[Slot]) -> Result<(), StateError> {
        let mut fresh = std::mem::take(&mut self.fresh);
        if self.asleep > 0 {
            for &slot in &fresh {
                let key = self.encoded(slot)?;
                self.wake(columns, slot, &key)?;
            }
        }
        fresh.clear();
        self.fresh = fresh;
        for &slot in slots {
            if self.hollow > 0 && self.warmth.is_hollow(slot) {
                let key = self.encoded(slot)?;
                self.wake(columns, slot, &key)?;
            }
        }
        Ok(())
    }

    fn key(&self, slot: Slot) -> Option<&K> {
        self.memory.key(slot)
    }

    fn len(&self) -> usize {
        self.memory.len() + self.asleep
    }

    fn for_each_slot(&self, visit: &mut dyn FnMut(Slot)) {
        self.memory.for_each_slot(visit);
    }

    fn settle(&mut self, columns: Columns<'_, '_>) -> Result<(), StateError> {
        self.fresh.clear();
        self.wake_emptied(columns)?;
        self.memory.settle(columns)?;
        self.bury()?;
        self.keep_budget(columns)
    }

    fn expire(&mut self, columns: Columns<'_, '_>, budget: usize) -> Result<(), StateError> {
        self.wake_emptied(columns)?;
        self.memory.expire(columns, budget)?;
        self.bury()?;
        self.expire_cold(columns, (budget / EXPIRE_PART).max(1))?;
        self.settle(columns)
    }

    fn freeze(&mut self, columns: Columns<'_, '_>) -> Result<(), StateError> {
        if self.frozen.is_some() {
            return Err(StateError::Outstanding);
        }
        self.settle(columns)?;
        self.memory.freeze(columns)?;
        let later = self.changes();
        let entries = std::mem::replace(&mut self.ahead, later).finish()?;
        self.frozen = Some(Ahead { entries, is_given: false });
        self.bury()
    }

    fn encode(&mut self, columns: Columns<'_, '_>, budget: usize, out: &mut dyn EntrySink) -> Result<bool, StateError> {
        if let Some(ahead) = self.frozen.as_mut().filter(|ahead| !ahead.is_given) {
            out.ahead(&ahead.entries)?;
            ahead.is_given = true;
        }
        self.memory.encode(columns, budget, out)
    }

    fn durable(&mut self, columns: Columns<'_, '_>) {
        self.frozen = None;
        self.is_short = false;
        self.memory.durable(columns);
    }

    fn redo(&mut self, columns: Columns<'_, '_>) {
        if let Some(Ahead { entries, .. }) = self.frozen.take() {
            let earlier = Changes::from(entries);
            let later = std::mem::replace(&mut self.ahead, earlier);
            self.ahead.append(later);
        }
        self.is_short = false;
        self.memory.redo(columns);
    }

    fn rewrite(&mut self, columns: Columns<'_, '_>) -> Result<(), StateError> {
        self.memory.rewrite(columns)?;
        let (memory, warmth, ahead) = (&mut self.memory, &self.warmth, &mut self.ahead);
        self.cold.visit(None, &mut |key, row| {
            let (hash, decoded): (u64, K) = (hash_bytes(key), decode(key).map_err(StateError::Key)?);
            if memory.find(hash, &decoded).is_none_or(|slot| warmth.is_hollow(slot)) {
                for entry in Entries::new(row, "a row on the disk", 0).flatten() {
                    if let Entry::Put { column, sub, value, .. } = entry {
                        ahead.put(key_group(hash), column, key, sub, value);
                    }
                }
            }
            Ok(true)
        })?;
        self.ahead.check()
    }

    fn restore(
        &mut self,
        columns: Columns<'_, '_>,
        plan: &Plan,
        group: u16,
        change: Entry<'_>,
    ) -> Result<(), StateError> {
        self.meet(columns, plan, group, change)?;
        self.memory.restore(columns, plan, group, change)?;
        self.bury()?;
        self.replayed += 1;
        if self.replayed.is_multiple_of(REPLAY_STEP) { self.keep_budget(columns) } else { Ok(()) }
    }

    fn bytes(&mut self, columns: Columns<'_, '_>) -> usize {
        self.memory.bytes(columns) + self.warmth.bytes()
    }
}
