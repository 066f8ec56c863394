//! The one implementation of a column: a slab of shelves by slot, with its marks.
use super::cell::{Address, Cell, LISTED, Stamp};
use super::cursor::{Cursor, Slot};
use super::error::StateError;
use super::shelf::{CellOf, Shelf};
use super::sweep::Sweep;
use super::tracker::Tracker;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::time::Duration;

/// The cells of a column. Reads see the key at the cursor; what is older than the TTL is not seen.
pub(super) struct Table<S: Shelf> {
    pub(super) name: &'static str,
    pub(super) ttl: Option<i64>,
    pub(super) cursor: Rc<Cursor>,
    pub(super) shelves: Vec<S>,
    pub(super) track: Tracker<S>,
    pub(super) index: S::Index,
    pub(super) sweep: Sweep<S::Sub>,
    /// Whether a value was encoded and decoded.
    pub(super) checked: bool,
    pub(super) size: Size,
}

/// What the approximate size in memory is computed from.
#[derive(Default)]
pub(super) struct Size {
    pub(super) cells: usize,
    /// Of what was encoded or decoded so far: cells and bytes.
    pub(super) encoded: (u64, u64),
}

impl Size {
    /// A value was encoded or decoded.
    pub(super) fn note(&mut self, bytes: usize) {
        self.encoded = (self.encoded.0 + 1, self.encoded.1 + bytes as u64);
    }

    /// What a value owns, by its encoding.
    pub(super) fn beside(&self) -> usize {
        self.encoded.1.checked_div(self.encoded.0).unwrap_or(0) as usize
    }
}

impl<S: Shelf> Table<S> {
    pub(super) fn new(name: &'static str, ttl: Option<Duration>, cursor: &Rc<Cursor>) -> Self {
        Self {
            name,
            ttl: ttl.map(|ttl| crate::time::millis_of(ttl).max(1)),
            cursor: cursor.clone(),
            shelves: Vec::new(),
            track: Tracker::new(ttl.is_some()),
            index: S::Index::default(),
            sweep: Sweep::default(),
            checked: false,
            size: Size::default(),
        }
    }

    /// The shelf at the cursor; `None` also where it was never written.
    #[inline]
    pub(super) fn shelf(&self) -> Option<&S> {
        self.shelves.get(self.cursor.index())
    }

    /// Whether a cell is younger than the TTL.
    #[inline]
    pub(super) fn is_live(&self, cell: &CellOf<S>) -> bool {
        is_live(cell, self.ttl, self.cursor.millis())
    }

    /// The live cell at the cursor.
    #[inline]
    pub(super) fn get(&self, sub: &S::Sub) -> Option<&S::Item> {
        let cell = self.shelf()?.get(sub)?;
        self.is_live(cell).then_some(&cell.value)
    }

    /// How many live cells there are at the cursor.
    pub(super) fn len(&self) -> usize {
        let Some(shelf) = self.shelf() else { return 0 };
        if self.ttl.is_none() {
            return shelf.len();
        }
        let mut live = 0;
        shelf.visit(None, &mut |_, cell| {
            live += usize::from(self.is_live(cell));
            true
        });
        live
    }

    /// A cell for writing, whether or not it is live.
    #[inline]
    pub(super) fn guard<'a>(&'a mut self, sub: &'a S::Sub) -> Option<Guard<'a, S>> {
        let slot = self.cursor.index();
        let cell = self.shelves.get_mut(slot)?.get_mut(sub)?;
        Some(Guard { cell, track: &mut self.track, slot: slot as u32, sub, now: S::Stamp::at(self.cursor.millis()) })
    }

    /// A live cell for writing.
    #[inline]
    pub(super) fn live_guard<'a>(&'a mut self, sub: &'a S::Sub) -> Option<Guard<'a, S>> {
        let (now, ttl) = (self.cursor.millis(), self.ttl);
        self.guard(sub).filter(|guard| is_live(guard.cell, ttl, now))
    }

    /// The value of a live cell for writing: dirty from now on, whether or not it is written.
    #[inline]
    pub(super) fn dirty(&mut self, sub: &S::Sub) -> Option<&mut S::Item> {
        let (now, ttl, slot) = (self.cursor.millis(), self.ttl, self.cursor.index());
        let cell = self.shelves.get_mut(slot)?.get_mut(sub)?;
        if !is_live(cell, ttl, now) {
            return None;
        }
        self.track.touch(slot as u32, sub, cell);
        cell.written = S::Stamp::at(now);
        Some(&mut cell.value)
    }

    /// Writes a cell at the cursor.
    pub(super) fn set(&mut self, sub: S::Sub, value: S::Item) {
        match self.guard(&sub) {
            Some(mut guard) => *guard = value,
            None => self.create(sub, value),
        }
    }

    /// Writes a cell where there is none.
    pub(super) fn create(&mut self, sub: S::Sub, value: S::Item) {
        let slot = self.cursor.must();
        if self.track.is_crowded(self.size.cells) {
            self.tidy();
        }
        let cell = self.track.create(Address { slot: slot.0, sub: sub.clone() }, value, self.cursor.millis());
        self.insert(slot, sub, cell);
    }

    /// What came and went since the last snapshot leaves the dirty list, which would else grow with all that ever was.
    #[cold]
    fn tidy(&mut self) {
        let (generation, shelves) = (self.track.generation.get(), &mut self.shelves);
        let mut marked = |at: &Address<S::Sub>, from: u32, to: u32| {
            let cell = shelves.get_mut(at.slot as usize).and_then(|shelf| shelf.get_mut(&at.sub));
            cell.filter(|cell| cell.dirtied == from).map(|cell| cell.dirtied = to).is_some()
        };
        // One that went and came back is there twice: the first time it is found, it is marked.
        self.track.dirty.retain(|at| marked(at, generation, LISTED));
        for at in &self.track.dirty {
            marked(at, LISTED, generation);
        }
    }

    /// Puts a new cell in.
    pub(super) fn insert(&mut self, slot: Slot, sub: S::Sub, cell: CellOf<S>) {
        if self.shelves.len() <= slot.index() {
            self.shelves.resize_with(slot.index() + 1, S::default);
        }
        S::added(&mut self.index, slot.0, &sub);
        self.shelves[slot.index()].put(sub, cell);
        self.size.cells += 1;
    }

    /// Takes a cell out; the next snapshot tells, where one had it. Returns the value if it was live.
    pub(super) fn remove(&mut self, slot: Slot, sub: &S::Sub) -> Option<S::Item> {
        let cell = self.take(slot, sub)?;
        self.track.removed(slot.0, sub, &cell);
        self.is_live(&cell).then_some(cell.value)
    }

    /// Takes a cell out without a trace.
    pub(super) fn take(&mut self, slot: Slot, sub: &S::Sub) -> Option<CellOf<S>> {
        let shelf = self.shelves.get_mut(slot.index())?;
        let cell = shelf.remove(sub)?;
        S::removed(&mut self.index, slot.0, sub);
        if shelf.len() == 0 {
            self.cursor.emptied(slot);
        }
        self.size.cells -= 1;
        Some(cell)
    }

    /// Takes every cell at the cursor out.
    pub(super) fn clear(&mut self) {
        let slot = self.cursor.must();
        for sub in self.subs(slot) {
            self.remove(slot, &sub);
        }
    }

    pub(super) fn subs(&self, slot: Slot) -> Vec<S::Sub> {
        let mut subs = Vec::new();
        if let Some(shelf) = self.shelves.get(slot.index()) {
            shelf.visit(None, &mut |sub, _| {
                subs.push(sub.clone());
                true
            });
        }
        subs
    }

    /// The error that names this column and its type.
    pub(super) fn codec_error(&self, what: String) -> StateError {
        StateError::Codec { column: self.name.into(), what }
    }
}

#[inline]
fn is_live<V, W: Stamp>(cell: &Cell<V, W>, ttl: Option<i64>, now: i64) -> bool {
    !W::MAY_EXPIRE || ttl.is_none_or(|ttl| cell.written.millis().saturating_add(ttl) > now)
}

/// A cell that is dirty once written through.
pub(super) struct Guard<'a, S: Shelf> {
    cell: &'a mut CellOf<S>,
    track: &'a mut Tracker<S>,
    slot: u32,
    sub: &'a S::Sub,
    now: S::Stamp,
}

impl<S: Shelf> Deref for Guard<'_, S> {
    type Target = S::Item;

    #[inline]
    fn deref(&self) -> &S::Item {
        &self.cell.value
    }
}

impl<S: Shelf> DerefMut for Guard<'_, S> {
    #[inline]
    fn deref_mut(&mut self) -> &mut S::Item {
        self.track.touch(self.slot, self.sub, self.cell);
        self.cell.written = self.now;
        &mut self.cell.value
    }
}
