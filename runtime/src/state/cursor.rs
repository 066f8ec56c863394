//! Which key is being processed: what the handles of a keyed state look at.
use super::error::StateError;
use crate::time::Timestamp;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// The dense number of a live key of one backend. It is valid until the next `settle`, and longer while the key has
/// state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub(crate) u32);

impl Slot {
    /// As an index of a slab.
    #[inline]
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// No key is being processed.
const NOWHERE: u32 = u32::MAX;

/// The key whose record or timer is being processed, and the time of the tick. One for each operator; its backend and
/// its handles share it.
#[derive(Debug)]
pub struct Cursor {
    slot: Cell<u32>,
    now: Cell<i64>,
    emptied: RefCell<Vec<Slot>>,
    fault: RefCell<Option<StateError>>,
}

impl Cursor {
    /// Stands nowhere, at the earliest time: set the time before the first record.
    pub fn new() -> Rc<Self> {
        Rc::new(Self {
            slot: Cell::new(NOWHERE),
            now: Cell::new(i64::MIN),
            emptied: RefCell::default(),
            fault: RefCell::default(),
        })
    }

    /// From now on the handles show this key.
    #[inline]
    pub fn enter(&self, slot: Slot) {
        self.slot.set(slot.0);
    }

    /// From now on the handles show nothing, and a write to them panics.
    #[inline]
    pub fn leave(&self) {
        self.slot.set(NOWHERE);
    }

    /// Where the handles look, if anywhere.
    pub fn slot(&self) -> Option<Slot> {
        Some(Slot(self.slot.get())).filter(|slot| slot.0 != NOWHERE)
    }

    /// An index beyond every slab where nothing is entered: for reads.
    #[inline]
    pub(super) fn index(&self) -> usize {
        self.slot.get() as usize
    }

    /// # Panics
    /// Where no key is entered: the operator that runs user code enters one first.
    #[inline]
    pub(super) fn must(&self) -> Slot {
        let slot = self.slot.get();
        assert!(slot != NOWHERE, "keyed state was written while no record or timer was being processed");
        Slot(slot)
    }

    /// Processing time: that of the tick.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.now.get())
    }

    /// In milliseconds.
    #[inline]
    pub(super) fn millis(&self) -> i64 {
        self.now.get()
    }

    /// Processing time goes on; it never goes back.
    pub fn set_now(&self, now: Timestamp) {
        self.now.set(self.now.get().max(now.0));
    }

    /// A row that may have become empty; the next `settle` looks.
    pub(super) fn emptied(&self, slot: Slot) {
        let mut emptied = self.emptied.borrow_mut();
        if emptied.last() != Some(&slot) {
            emptied.push(slot);
        }
    }

    /// The rows that may be empty. Give the buffer back by [`Cursor::reuse`].
    pub(super) fn take_emptied(&self) -> Vec<Slot> {
        self.emptied.take()
    }

    pub(super) fn reuse(&self, mut buffer: Vec<Slot>) {
        buffer.clear();
        let mut emptied = self.emptied.borrow_mut();
        if emptied.is_empty() {
            *emptied = buffer;
        }
    }

    /// Keeps the first error of a write: user code has no result to give it to.
    pub(super) fn fail(&self, error: StateError) {
        self.fault.borrow_mut().get_or_insert(error);
    }

    pub(super) fn take_fault(&self) -> Option<StateError> {
        self.fault.take()
    }
}
