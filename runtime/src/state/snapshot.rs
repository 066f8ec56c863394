//! A table as a column: description, snapshot, restore.
use super::cell::{CLEAN, Cell, RESTORED, Stamp};
use super::column::{CellSink, Column, StoredColumn, sealed::Sealed};
use super::cursor::Slot;
use super::error::StateError;
use super::shelf::{CellOf, Shelf};
use super::table::Table;
use super::tracker::{clean, encode_cell};
use std::hint::black_box;

/// A check looks at so many of the cells that were written last.
const CHECKED: usize = 16;

impl<S: Shelf> Sealed for Table<S> {}

impl<S: Shelf> Column for Table<S> {
    fn describe(&self) -> StoredColumn {
        let schemas = S::schemas().iter().map(|schema| schema.stored()).collect();
        StoredColumn { name: self.name.into(), kind: S::KIND, timed: self.track.timed, schemas }
    }

    fn accepts(&self, stored: &StoredColumn) -> Result<(), StateError> {
        if stored.kind != S::KIND {
            let what = format!("was stored as {:?} and is {:?} now", stored.kind, S::KIND);
            return Err(StateError::Kind { column: self.name.into(), what });
        }
        let Some(part) = S::unreadable(&stored.schemas) else { return Ok(()) };
        let mut now = S::schemas();
        let was = stored.schemas.get(part).ok_or_else(|| self.unreadable("it is described without a schema".into()))?;
        Err(StateError::Schema {
            part: format!("state `{}`", self.name),
            stored: Box::new(was.clone()),
            now: Box::new(now.swap_remove(part).stored()),
        })
    }

    fn fetch(&self, slots: &[Slot]) {
        let len = |slot: &Slot| self.shelves.get(slot.index()).map_or(0, S::len);
        black_box(slots.iter().map(len).fold(0, usize::wrapping_add));
    }

    fn is_empty(&self, slot: Slot) -> bool {
        self.shelves.get(slot.index()).is_none_or(|shelf| shelf.len() == 0)
    }

    fn forget(&mut self, slot: Slot) {
        for sub in self.subs(slot) {
            self.take(slot, &sub);
        }
        if let Some(shelf) = self.shelves.get_mut(slot.index()) {
            *shelf = S::default();
        }
    }

    fn check(&mut self) -> Result<(), StateError> {
        if self.checked {
            return Ok(());
        }
        // What was written last may be gone already.
        for at in self.track.dirty.iter().rev().take(CHECKED) {
            if let Some(cell) = self.shelves.get(at.slot as usize).and_then(|shelf| shelf.get(&at.sub)) {
                self.checked = true;
                return S::check(&at.sub, &cell.value).map_err(|what| self.codec_error(what));
            }
        }
        Ok(())
    }

    fn expire(&mut self, budget: &mut usize) {
        self.sweep(budget);
    }

    fn freeze(&mut self) {
        self.track.freeze();
    }

    fn encode(&mut self, budget: &mut usize, out: &mut dyn CellSink) -> Result<(), StateError> {
        if let Some(what) = self.track.take_fault() {
            return Err(self.codec_error(what));
        }
        let (mut sub, mut value) = (Vec::new(), Vec::new());
        while *budget > 0 {
            sub.clear();
            value.clear();
            match self.encode_next(&mut sub, &mut value, out) {
                Ok(true) => *budget -= 1,
                Ok(false) => break,
                Err(what) => return Err(self.codec_error(what)),
            }
        }
        Ok(())
    }

    fn durable(&mut self) {
        self.track.durable();
    }

    fn redo(&mut self) {
        for at in self.track.redo() {
            if let Some(cell) = self.shelves.get_mut(at.slot as usize).and_then(|shelf| shelf.get_mut(&at.sub)) {
                self.track.touch(at.slot, &at.sub, cell);
            }
        }
    }

    fn rewrite(&mut self) {
        for slot in 0..self.shelves.len() as u32 {
            for sub in self.subs(Slot(slot)) {
                if let Some(cell) = self.shelves[slot as usize].get_mut(&sub) {
                    self.track.touch(slot, &sub, cell);
                }
            }
        }
    }

    fn restore(&mut self, stored: &StoredColumn, slot: Slot, sub: &[u8], value: &[u8]) -> Result<(), StateError> {
        let (written, value) = self.split_time(stored, value)?;
        let encoded = value.len();
        let sub = S::decode_sub(&stored.schemas, sub).map_err(|what| self.unreadable(what))?;
        let value = S::decode_item(&stored.schemas, value).map_err(|what| self.unreadable(what))?;
        self.size.note(encoded);
        let cell = Cell { value, born: RESTORED, dirtied: CLEAN, written: S::Stamp::at(written) };
        match self.shelves.get_mut(slot.index()).and_then(|shelf| shelf.get_mut(&sub)) {
            Some(there) => *there = cell,
            None => self.insert(slot, sub, cell),
        }
        Ok(())
    }

    fn restore_delete(&mut self, stored: &StoredColumn, slot: Slot, sub: &[u8]) -> Result<(), StateError> {
        let sub = S::decode_sub(&stored.schemas, sub).map_err(|what| self.unreadable(what))?;
        self.take(slot, &sub);
        Ok(())
    }

    fn bytes(&self) -> usize {
        let inline = size_of::<(S::Sub, CellOf<S>)>();
        self.shelves.capacity() * size_of::<S>() + self.size.cells * inline.max(self.size.beside())
    }

    fn used(&self, rows: usize) -> usize {
        let cells = self.size.cells * self.size.beside().max(size_of::<(S::Sub, CellOf<S>)>());
        rows * size_of::<S>() + cells + self.track.bytes()
    }

    fn sample(&mut self) {
        let Some(at) = self.track.dirty.last() else { return };
        let Some(cell) = self.shelves.get(at.slot as usize).and_then(|shelf| shelf.get(&at.sub)) else { return };
        let mut value = Vec::new();
        // One that cannot be encoded is told of when it must be.
        if S::encode_item(&cell.value, &mut value).is_ok() {
            self.size.note(value.len());
        }
    }

    fn save(&mut self, slot: Slot, out: &mut dyn CellSink) -> Result<(), StateError> {
        let Some(shelf) = self.shelves.get(slot.index()) else { return Ok(()) };
        let (timed, mut fault, size) = (self.track.timed, None, &mut self.size);
        let (mut sub_bytes, mut value) = (Vec::new(), Vec::new());
        shelf.visit(None, &mut |sub, cell| {
            sub_bytes.clear();
            value.clear();
            let encoded = S::encode_sub(sub, &mut sub_bytes).and_then(|()| encode_cell::<S>(timed, cell, &mut value));
            size.note(value.len());
            out.put(slot, &sub_bytes, &value);
            fault = encoded.err();
            fault.is_none()
        });
        fault.map_or(Ok(()), |what| Err(self.codec_error(what)))
    }

    fn ttl(&self) -> Option<i64> {
        self.ttl
    }

    fn expire_row(&mut self, slot: Slot) {
        let mut expired = Vec::new();
        if let Some(shelf) = self.shelves.get(slot.index()) {
            shelf.visit(None, &mut |sub, cell| {
                if !self.is_live(cell) {
                    expired.push(sub.clone());
                }
                true
            });
        }
        for sub in expired {
            self.remove(slot, &sub);
        }
    }
}

impl<S: Shelf> Table<S> {
    /// Encodes one cell; false where none is left. `sub` and `value` are empty buffers.
    fn encode_next(&mut self, sub: &mut Vec<u8>, value: &mut Vec<u8>, out: &mut dyn CellSink) -> Result<bool, String> {
        let Some(frozen) = &mut self.track.frozen else { return Ok(false) };
        if let Some(at) = frozen.gone.next() {
            S::encode_sub(&at.sub, sub)?;
            out.delete(Slot(at.slot), sub);
            return Ok(true);
        }
        if let Some(at) = frozen.dirty.next() {
            let cell = self.shelves.get_mut(at.slot as usize).and_then(|shelf| shelf.get_mut(&at.sub));
            // Written again since: its copy is what the snapshot gets.
            let Some(cell) = cell.filter(|cell| cell.dirtied == frozen.generation) else { return Ok(true) };
            S::encode_sub(&at.sub, sub)?;
            encode_cell::<S>(self.track.timed, cell, value)?;
            clean(cell);
            self.size.note(value.len());
            out.put(Slot(at.slot), sub, value);
            return Ok(true);
        }
        let copied = frozen.copied.pop(|at, copy| {
            S::encode_sub(&at.sub, sub)?;
            out.put(Slot(at.slot), sub, copy);
            Ok(())
        });
        copied.transpose().map(|copied| copied.is_some())
    }

    /// The time of the last write and the value. A column that has a TTL since counts from the restore.
    fn split_time<'v>(&self, stored: &StoredColumn, value: &'v [u8]) -> Result<(i64, &'v [u8]), StateError> {
        if !stored.timed {
            return Ok((self.cursor.millis(), value));
        }
        let (written, value) = value
            .split_first_chunk::<8>()
            .ok_or_else(|| self.unreadable("the time of its last write is cut".into()))?;
        Ok((i64::from_le_bytes(*written), value))
    }

    fn unreadable(&self, what: String) -> StateError {
        StateError::Unreadable { column: self.name.into(), what }
    }
}
