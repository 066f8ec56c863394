//! The conformance suite finds planted bugs.
use millstream_runtime::state::{
    Backend, Columns, Cursor, EntrySink, Memory, Plan, Slot, StateError, conformance::backend_conforms,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

#[derive(Clone, Copy, PartialEq)]
enum Bug {
    /// A snapshot has what is written until its first entry is encoded.
    LateFreeze,
    /// Keys that went stay in the checkpoint.
    LostDeletes,
    /// What an abandoned snapshot had is in no later one.
    AbandonedIsDurable,
    /// The entries of a slice come in reverse.
    Reversed,
    /// Rows that became empty are kept.
    NeverFreed,
}

struct Faulty {
    inner: Memory<String>,
    bug: Bug,
    is_frozen: bool,
    is_late: bool,
}

type Entry = (u16, Option<u16>, Vec<u8>, Vec<u8>, Option<Vec<u8>>);

/// Keeps entries, to hand them on in another way.
#[derive(Default)]
struct Kept(Vec<Entry>);

impl EntrySink for Kept {
    fn put(&mut self, group: u16, column: u16, key: &[u8], sub: &[u8], value: &[u8]) {
        self.0.push((group, Some(column), key.into(), sub.into(), Some(value.into())));
    }
    fn delete(&mut self, group: u16, column: u16, key: &[u8], sub: &[u8]) {
        self.0.push((group, Some(column), key.into(), sub.into(), None));
    }
    fn delete_row(&mut self, group: u16, key: &[u8]) {
        self.0.push((group, None, key.into(), Vec::new(), None));
    }
}

fn hand_on((group, column, key, sub, value): &Entry, out: &mut dyn EntrySink) {
    match (column, value) {
        (Some(column), Some(value)) => out.put(*group, *column, key, sub, value),
        (Some(column), None) => out.delete(*group, *column, key, sub),
        (None, _) => out.delete_row(*group, key),
    }
}

impl Faulty {
    fn freeze_late(&mut self, columns: Columns<'_, '_>) -> Result<(), StateError> {
        if std::mem::take(&mut self.is_late) { self.inner.freeze(columns) } else { Ok(()) }
    }
}

impl Backend<String> for Faulty {
    fn cursor(&self) -> &Rc<Cursor> {
        self.inner.cursor()
    }
    fn resolve(&mut self, hash: u64, key: &String) -> Slot {
        self.inner.resolve(hash, key)
    }
    fn resolve_batch<'k>(&mut self, hashes: &[u64], key: &dyn Fn(usize) -> &'k String, out: &mut Vec<Slot>)
    where
        String: 'k,
    {
        self.inner.resolve_batch(hashes, key, out);
    }
    fn find(&mut self, hash: u64, key: &String) -> Option<Slot> {
        self.inner.find(hash, key)
    }
    fn key(&self, slot: Slot) -> Option<&String> {
        self.inner.key(slot)
    }
    fn len(&self) -> usize {
        self.inner.len()
    }
    fn settle(&mut self, columns: Columns<'_, '_>) -> Result<(), StateError> {
        match self.bug {
            Bug::NeverFreed => columns.iter_mut().try_for_each(|column| column.check()),
            _ => self.inner.settle(columns),
        }
    }
    fn expire(&mut self, columns: Columns<'_, '_>, budget: usize) -> Result<(), StateError> {
        self.inner.expire(columns, budget)
    }
    fn freeze(&mut self, columns: Columns<'_, '_>) -> Result<(), StateError> {
        if std::mem::replace(&mut self.is_frozen, true) {
            return Err(StateError::Outstanding);
        }
        self.is_late = self.bug == Bug::LateFreeze;
        if self.is_late { Ok(()) } else { self.inner.freeze(columns) }
    }
    fn encode(&mut self, columns: Columns<'_, '_>, budget: usize, out: &mut dyn EntrySink) -> Result<bool, StateError> {
        self.freeze_late(columns)?;
        let mut kept = Kept::default();
        let done = self.inner.encode(columns, budget, &mut kept)?;
        if self.bug == Bug::Reversed {
            kept.0.reverse();
        }
        for entry in kept.0.iter().filter(|(.., value)| self.bug != Bug::LostDeletes || value.is_some()) {
            hand_on(entry, out);
        }
        Ok(done)
    }
    fn durable(&mut self, columns: Columns<'_, '_>) {
        self.is_frozen = false;
        self.inner.durable(columns);
    }
    fn redo(&mut self, columns: Columns<'_, '_>) {
        (self.is_frozen, self.is_late) = (false, false);
        if self.bug == Bug::AbandonedIsDurable { self.inner.durable(columns) } else { self.inner.redo(columns) }
    }
    fn rewrite(&mut self, columns: Columns<'_, '_>) -> Result<(), StateError> {
        self.inner.rewrite(columns)
    }
    fn restore(
        &mut self,
        columns: Columns<'_, '_>,
        plan: &Plan,
        group: u16,
        change: millstream_runtime::checkpoint::Entry<'_>,
    ) -> Result<(), StateError> {
        self.inner.restore(columns, plan, group, change)
    }
    fn bytes(&mut self, columns: Columns<'_, '_>) -> usize {
        self.inner.bytes(columns)
    }
}

/// What the suite says of a backend with this bug.
fn verdict(bug: Bug) -> String {
    let make = || -> Box<dyn Backend<String>> {
        Box::new(Faulty { inner: Memory::new(&Cursor::new()), bug, is_frozen: false, is_late: false })
    };
    let failed = catch_unwind(AssertUnwindSafe(|| backend_conforms(&make))).expect_err("the bug is found");
    failed.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[test]
fn what_is_written_after_the_freeze_is_not_in_the_snapshot() {
    assert!(verdict(Bug::LateFreeze).contains("after a restore"));
}

#[test]
fn what_went_does_not_come_back() {
    assert!(verdict(Bug::LostDeletes).contains("a key that went is one entry: []"));
}

#[test]
fn an_abandoned_snapshot_is_made_up_for() {
    assert!(verdict(Bug::AbandonedIsDurable).contains("after a restore"));
}

#[test]
fn the_order_of_entries_counts() {
    assert!(verdict(Bug::Reversed).contains("after a restore"));
}

#[test]
fn empty_rows_go() {
    assert!(verdict(Bug::NeverFreed).contains("a key without state is not kept"));
}
