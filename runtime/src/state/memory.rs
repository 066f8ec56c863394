//! The backend that keeps all keys in memory.
mod departed;

use super::backend::{Backend, Columns, EntrySink};
use super::births::Births;
use super::cell::{FIRST, RESTORED};
use super::cells::Cells;
use super::cursor::{Cursor, Slot};
use super::error::StateError;
use super::plan::Plan;
use super::rows::RowIndex;
use super::shelf::read_stored;
use super::tracker::Work;
use crate::checkpoint::Entry;
use crate::codec::{encode_into, hash_bytes, key_group};
use crate::data::Key;
use departed::Departed;
use std::rc::Rc;

/// Keys in a hash map, and what a snapshot must know of rows.
pub struct Memory<K> {
    rows: RowIndex<K>,
    births: Births,
    generation: u32,
    /// Rows that went in this generation, and that a snapshot has.
    gone: Vec<(u64, K)>,
    frozen: Option<Work<(u64, K)>>,
    /// Whether the outstanding snapshot still has to be encoded.
    encoding: bool,
    /// Rows that went meanwhile; their slots are not used again before.
    limbo: Vec<Slot>,
    cursor: Rc<Cursor>,
    /// The key of the entry restored last.
    last: Option<(Vec<u8>, Slot)>,
    /// Rows that go while entries are replayed are gone from the checkpoint, too.
    restoring: bool,
    /// Where rows come back from elsewhere.
    departed: Option<Departed<K>>,
}

impl<K: Key> Memory<K> {
    /// Without keys. `cursor` is that of the state.
    pub fn new(cursor: &Rc<Cursor>) -> Self {
        Self {
            rows: RowIndex::default(),
            births: Births::default(),
            generation: FIRST.get(),
            gone: Vec::new(),
            frozen: None,
            encoding: false,
            limbo: Vec::new(),
            cursor: cursor.clone(),
            last: None,
            restoring: false,
            departed: None,
        }
    }

    /// As [`Backend::resolve_batch`], without a call by pointer for each key.
    #[inline]
    pub fn resolve_all<'k>(&mut self, hashes: &[u64], key: impl Fn(usize) -> &'k K, out: &mut Vec<Slot>)
    where
        K: 'k,
    {
        let (births, cursor, generation) = (&mut self.births, &self.cursor, self.generation);
        self.rows.resolve_batch(hashes, key, out, |slot| bear(births, cursor, generation, slot));
    }

    /// Removes a row; its columns are empty or are to be emptied.
    fn free(&mut self, slot: Slot, columns: Columns<'_, '_>) {
        for column in columns {
            column.forget(slot);
        }
        let is_stored = !self.restoring && self.births.of(slot).is_some_and(|born| born < self.generation);
        if let Some(key) = self.rows.key(slot) {
            if is_stored {
                self.gone.push((self.rows.hash(slot), key.clone()));
            }
            if let Some(departed) = &mut self.departed {
                departed.rows.push((slot, key.clone()));
            }
        }
        self.unlink(slot);
        match &mut self.departed {
            Some(departed) if is_stored => departed.held.push(slot),
            _ => self.let_go(slot),
        }
    }

    fn unlink(&mut self, slot: Slot) {
        self.last = None;
        self.rows.unlink(slot);
        self.births.end(slot);
    }

    fn let_go(&mut self, slot: Slot) {
        self.limbo.push(slot);
        if !self.encoding {
            self.end_encoding();
        }
    }

    fn end_encoding(&mut self) {
        self.encoding = false;
        for slot in self.limbo.drain(..) {
            self.births.free(slot);
            self.rows.release(slot);
        }
    }

    /// The slot of a stored key. `make` is whether to make one.
    pub(super) fn restored(
        &mut self,
        plan: &Plan,
        group: u16,
        bytes: &[u8],
        make: bool,
    ) -> Result<Option<Slot>, StateError> {
        if let Some((_, slot)) = self.last.as_ref().filter(|(last, _)| last == bytes) {
            return Ok(Some(*slot));
        }
        let hash = hash_bytes(bytes);
        if key_group(hash) != group {
            return Err(StateError::WrongGroup { found: group, computed: key_group(hash) });
        }
        let key: K = read_key(plan, bytes)?;
        let slot = match self.rows.find(hash, &key) {
            None if !make => return Ok(None),
            None => {
                let (births, cursor) = (&mut self.births, &self.cursor);
                self.rows.resolve(hash, &key, |slot| bear(births, cursor, RESTORED.get(), slot))
            }
            Some(slot) => slot,
        };
        self.last = Some((bytes.to_vec(), slot));
        Ok(Some(slot))
    }
}

/// A new row may stay empty: the next settling looks.
fn bear(births: &mut Births, cursor: &Cursor, generation: u32, slot: Slot) {
    births.bear(slot, generation);
    cursor.emptied(slot);
}

/// A key may change its type, but not its bytes: they say in which group, and so on which worker, it is.
fn read_key<K: Key>(plan: &Plan, bytes: &[u8]) -> Result<K, StateError> {
    let (stored, migrates) = plan.key();
    let key: K = read_stored(stored, bytes).map_err(StateError::Key)?;
    if !migrates || crate::codec::encode(&key).is_ok_and(|now| now == bytes) {
        return Ok(key);
    }
    Err(StateError::Key(format!(
        "`{}` version {} is encoded in other bytes as version {}: a key may be migrated only where its bytes stay",
        stored.name,
        stored.version,
        K::SCHEMA.version
    )))
}

impl<K: Key> Backend<K> for Memory<K> {
    fn cursor(&self) -> &Rc<Cursor> {
        &self.cursor
    }

    fn resolve(&mut self, hash: u64, key: &K) -> Slot {
        let (births, cursor, generation) = (&mut self.births, &self.cursor, self.generation);
        self.rows.resolve(hash, key, |slot| bear(births, cursor, generation, slot))
    }

    fn resolve_batch<'k>(&mut self, hashes: &[u64], key: &dyn Fn(usize) -> &'k K, out: &mut Vec<Slot>)
    where
        K: 'k,
    {
        // Calls by pointer in between would keep the misses of the look-ups apart.
        let keys: Vec<&'k K> = (0..hashes.len()).map(key).collect();
        self.resolve_all(hashes, |i| keys[i], out);
    }

    fn find(&mut self, hash: u64, key: &K) -> Option<Slot> {
        self.rows.find(hash, key)
    }

    fn key(&self, slot: Slot) -> Option<&K> {
        self.rows.key(slot).filter(|_| self.births.is_live(slot))
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    fn settle(&mut self, columns: Columns<'_, '_>) -> Result<(), StateError> {
        for column in columns.iter_mut() {
            column.check()?;
        }
        if let Some(fault) = self.cursor.take_fault() {
            return Err(fault);
        }
        let mut emptied = self.cursor.take_emptied();
        emptied.retain(|slot| self.births.is_live(*slot) && columns.iter().all(|column| column.is_empty(*slot)));
        self.rows.fetch(&emptied);
        for &slot in &emptied {
            // One that was noted twice is gone the second time.
            if self.births.is_live(slot) {
                self.free(slot, columns);
            }
        }
        self.cursor.reuse(emptied);
        self.restoring = false;
        Ok(())
    }

    fn expire(&mut self, columns: Columns<'_, '_>, mut budget: usize) -> Result<(), StateError> {
        for column in columns.iter_mut() {
            column.expire(&mut budget);
        }
        self.settle(columns)
    }

    fn freeze(&mut self, columns: Columns<'_, '_>) -> Result<(), StateError> {
        if self.frozen.is_some() {
            return Err(StateError::Outstanding);
        }
        self.settle(columns)?;
        for column in columns {
            column.freeze();
        }
        self.frozen = Some(Work::new(std::mem::take(&mut self.gone)));
        if let Some(departed) = &mut self.departed {
            departed.freeze(&mut self.births);
        }
        self.encoding = true;
        self.generation += 1;
        Ok(())
    }

    fn encode(
        &mut self,
        columns: Columns<'_, '_>,
        mut budget: usize,
        out: &mut dyn EntrySink,
    ) -> Result<bool, StateError> {
        let Some(gone) = &mut self.frozen else { return Ok(true) };
        let mut key = Vec::new();
        while budget > 0
            && let Some((hash, row)) = gone.next()
        {
            key.clear();
            encode_into(row, &mut key).map_err(StateError::Key)?;
            out.delete_row(key_group(*hash), &key);
            budget -= 1;
        }
        for (number, column) in columns.iter_mut().enumerate() {
            let mut cells = Cells {
                rows: &self.rows,
                births: &self.births,
                generation: self.generation - 1,
                column: number as u16,
                out,
                key: Vec::new(),
                at: None,
                fault: None,
            };
            column.encode(&mut budget, &mut cells)?;
            cells.end()?;
        }
        if budget > 0 {
            self.end_encoding();
        }
        Ok(budget > 0)
    }

    fn durable(&mut self, columns: Columns<'_, '_>) {
        for column in columns {
            column.durable();
        }
        self.frozen = None;
        if let Some(departed) = &mut self.departed {
            self.limbo.append(&mut departed.frozen);
        }
        self.end_encoding();
    }

    fn redo(&mut self, columns: Columns<'_, '_>) {
        for column in columns {
            column.redo();
        }
        let mut gone = self.frozen.take().map(Work::into_all).unwrap_or_default();
        gone.append(&mut self.gone);
        self.gone = gone;
        if let Some(departed) = &mut self.departed {
            departed.redo();
        }
        self.end_encoding();
    }

    fn rewrite(&mut self, columns: Columns<'_, '_>) -> Result<(), StateError> {
        for column in columns {
            column.rewrite();
        }
        Ok(())
    }

    fn restore(
        &mut self,
        columns: Columns<'_, '_>,
        plan: &Plan,
        group: u16,
        change: Entry<'_>,
    ) -> Result<(), StateError> {
        self.restoring = true;
        match change {
            Entry::Put { column, key, sub, value } => {
                let Some((stored, at)) = plan.column(column)? else { return Ok(()) };
                let slot = self.restored(plan, group, key, true)?.expect("a slot is made where there is none");
                columns[at].restore(stored, slot, sub, value)
            }
            Entry::Delete { column, key, sub } => {
                let Some((stored, at)) = plan.column(column)? else { return Ok(()) };
                let Some(slot) = self.restored(plan, group, key, false)? else { return Ok(()) };
                columns[at].restore_delete(stored, slot, sub)
            }
            Entry::DeleteRow { key } => {
                let Some(slot) = self.restored(plan, group, key, false)? else { return Ok(()) };
                self.free(slot, columns);
                Ok(())
            }
        }
    }

    fn bytes(&mut self, columns: Columns<'_, '_>) -> usize {
        self.rows.bytes() + self.births.bytes() + columns.iter().map(|column| column.bytes()).sum::<usize>()
    }
}
