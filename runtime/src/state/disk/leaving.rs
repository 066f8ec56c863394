//! How rows leave memory: when, which ones, and as what.
use super::super::backend::{Backend, Columns};
use super::super::column::{CellSink, Kind};
use super::super::cursor::Slot;
use super::super::error::StateError;
use super::Disk;
use crate::checkpoint::EntryWriter;
use crate::data::Key;
use std::rc::Rc;

/// The tree takes keys of up to 64 KiB; a row with a longer one stays in memory.
const KEY_MAX: usize = 65_000;

impl<K: Key> Disk<K> {
    /// Sends rows to the disk until the budget is kept. Not while a snapshot is outstanding: it may still need them.
    pub(super) fn keep_budget(&mut self, columns: Columns<'_, '_>) -> Result<(), StateError> {
        columns.iter_mut().for_each(|column| column.sample());
        let used = self.used(&columns);
        let excess = self.cold.excess(used);
        self.is_short = excess > 0 && used >= self.patience && self.memory.is_outstanding();
        if excess == 0 || used < self.patience || self.is_short {
            return Ok(());
        }
        let goal = used - excess;
        self.clean(columns)?;
        let cursor = Rc::clone(self.memory.cursor());
        let emptied = cursor.take_emptied();
        for _ in 0..self.warmth.two_rounds() {
            if self.used(&columns) <= goal {
                break;
            }
            if let Some(slot) = self.warmth.next_cold().filter(|slot| self.memory.key(*slot).is_some()) {
                self.send(columns, slot)?;
            }
        }
        // Those that were emptied by leaving are none of the next settling's; those that left were not empty.
        cursor.reuse(cursor.take_emptied());
        let stay = emptied.into_iter().filter(|slot| !self.warmth.is_hollow(*slot));
        stay.for_each(|slot| cursor.emptied(slot));
        let used = self.used(&columns);
        self.cold.excess(used);
        self.patience = if used > goal { used + used / 8 } else { 0 };
        Ok(())
    }

    /// Bytes of what is in memory.
    fn used(&self, columns: &Columns<'_, '_>) -> u64 {
        let rows = self.memory.len();
        let owned = if std::mem::needs_drop::<K>() { self.keys.1.checked_div(self.keys.0).unwrap_or(0) } else { 0 };
        let columns: usize = columns.iter().map(|column| column.used(rows)).sum();
        (rows * (self.memory.row_bytes() + owned) + columns) as u64
    }

    /// Writes what changed ahead of the next snapshot. While a checkpoint is replayed nothing has changed.
    fn clean(&mut self, columns: Columns<'_, '_>) -> Result<(), StateError> {
        if self.memory.is_restoring() {
            return Ok(());
        }
        self.memory.freeze(columns)?;
        while !self.memory.encode(columns, usize::MAX, &mut self.ahead)? {}
        self.memory.durable(columns);
        self.ahead.check()
    }

    /// Sends one clean row to the disk.
    fn send(&mut self, columns: Columns<'_, '_>, slot: Slot) -> Result<(), StateError> {
        let key = self.encoded(slot)?;
        self.keys = (self.keys.0 + 1, self.keys.1 + key.len());
        if key.len() > KEY_MAX {
            return Ok(());
        }
        let described = self.describe(&columns);
        let (mut row, mut has_timers) = (Row { column: 0, bytes: Vec::new() }, false);
        for (number, column) in columns.iter_mut().enumerate() {
            if described[number].kind == Kind::Timers {
                has_timers = !column.is_empty(slot);
                continue;
            }
            row.column = number as u16;
            column.save(slot, &mut row)?;
        }
        if row.bytes.is_empty() {
            return Ok(());
        }
        self.cold.put(&key, &row.bytes)?;
        for (column, described) in columns.iter_mut().zip(described.iter()) {
            if described.kind != Kind::Timers {
                column.forget(slot);
            }
        }
        if self.pinned || has_timers {
            self.warmth.hollow(slot);
            self.hollow += 1;
        } else {
            self.memory.dismiss(slot);
            self.warmth.end(slot);
            self.asleep += 1;
        }
        Ok(())
    }
}

/// The cells of one row, as entries without a key.
struct Row {
    column: u16,
    bytes: Vec<u8>,
}

impl CellSink for Row {
    fn put(&mut self, _: Slot, sub: &[u8], value: &[u8]) {
        EntryWriter::new(&mut self.bytes).put(self.column, &[], sub, value);
    }

    /// A row has what is there.
    fn delete(&mut self, _: Slot, _: &[u8]) {}
}
