//! Which cells a snapshot must write: dirty lists, frozen lists, and copies of what is touched before its turn.
//!
//! The order within a snapshot is: rows that went, then for each column cells that went, then cells that are there. So
//! a cell that went and came back needs no bookkeeping, and replay in this order is right.
use super::cell::{Address, CLEAN, Cell, FIRST, Stamp};
use super::shelf::{CellOf, Shelf};
use std::num::NonZeroU32;

/// Room of a list that was filled to less than one in so many is given back.
const SPARE: usize = 4;
/// A dirty list is tidied where it has more entries than so many times the cells that are there.
const CROWDED: usize = 4;
/// As if there were so many cells at least.
const FEW: usize = 4096;

/// The marks of one column. Laws: a cell is in `dirty` if and only if `dirtied` is the present generation (cells that have
/// gone may have left addresses there); a cell is in a snapshot, durable or outstanding, only if it was born before the
/// present generation.
pub(super) struct Tracker<S: Shelf> {
    pub(super) generation: NonZeroU32,
    /// Whether the time of the last write is a part of the encoding: where there is a TTL.
    pub(super) timed: bool,
    pub(super) dirty: Vec<Address<S::Sub>>,
    gone: Vec<Address<S::Sub>>,
    pub(super) frozen: Option<Frozen<S::Sub>>,
    /// The room of the last snapshot's list, for the next one: else each grows from nothing, and its memory is made anew.
    spare: Vec<Address<S::Sub>>,
    /// The first copy that could not be encoded.
    fault: Option<String>,
}

/// The outstanding snapshot. Its lists are kept until it is durable, so that an abandoned one can be written again.
pub(super) struct Frozen<Sub> {
    pub(super) generation: u32,
    pub(super) gone: Work<Address<Sub>>,
    pub(super) dirty: Work<Address<Sub>>,
    pub(super) copied: Copied<Sub>,
}

/// A list that is worked through in slices.
pub(super) struct Work<T> {
    items: Vec<T>,
    done: usize,
}

impl<T> Work<T> {
    pub(super) fn new(items: Vec<T>) -> Self {
        Self { items, done: 0 }
    }

    pub(super) fn next(&mut self) -> Option<&T> {
        let item = self.items.get(self.done)?;
        self.done += 1;
        Some(item)
    }

    fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn into_all(self) -> Vec<T> {
        self.items
    }
}

/// Cells that were touched after the freeze and before their turn, as they were.
pub(super) struct Copied<Sub> {
    bytes: Vec<u8>,
    ends: Vec<(Address<Sub>, usize)>,
}

impl<Sub> Default for Copied<Sub> {
    fn default() -> Self {
        Self { bytes: Vec::new(), ends: Vec::new() }
    }
}

impl<Sub> Copied<Sub> {
    fn push(&mut self, at: Address<Sub>, write: impl FnOnce(&mut Vec<u8>) -> Result<(), String>) -> Result<(), String> {
        write(&mut self.bytes)?;
        self.ends.push((at, self.bytes.len()));
        Ok(())
    }

    /// Hands the last copy to `take`: their order does not matter, as each is of another cell.
    pub(super) fn pop<R>(&mut self, take: impl FnOnce(&Address<Sub>, &[u8]) -> R) -> Option<R> {
        let (at, end) = self.ends.pop()?;
        let start = self.ends.last().map_or(0, |(_, end)| *end);
        let taken = take(&at, &self.bytes[start..end]);
        self.bytes.truncate(start);
        Some(taken)
    }
}

impl<S: Shelf> Tracker<S> {
    pub(super) fn new(timed: bool) -> Self {
        Self {
            generation: FIRST,
            timed,
            dirty: Vec::new(),
            gone: Vec::new(),
            frozen: None,
            spare: Vec::new(),
            fault: None,
        }
    }

    /// A cell that comes into being.
    pub(super) fn create(&mut self, at: Address<S::Sub>, value: S::Item, now: i64) -> CellOf<S> {
        self.dirty.push(at);
        Cell { value, born: self.generation, dirtied: self.generation.get(), written: S::Stamp::at(now) }
    }

    /// Before every write to a cell.
    #[inline]
    pub(super) fn touch(&mut self, slot: u32, sub: &S::Sub, cell: &mut CellOf<S>) {
        if cell.dirtied != self.generation.get() {
            self.touch_first(slot, sub, cell);
        }
    }

    #[cold]
    #[inline(never)]
    fn touch_first(&mut self, slot: u32, sub: &S::Sub, cell: &mut CellOf<S>) {
        self.copy(slot, sub, cell);
        cell.dirtied = self.generation.get();
        self.dirty.push(Address { slot, sub: sub.clone() });
    }

    /// After a cell was taken out.
    pub(super) fn removed(&mut self, slot: u32, sub: &S::Sub, cell: &CellOf<S>) {
        self.copy(slot, sub, cell);
        if cell.born < self.generation {
            self.gone.push(Address { slot, sub: sub.clone() });
        }
    }

    /// Encodes a cell that the outstanding snapshot still has to write.
    fn copy(&mut self, slot: u32, sub: &S::Sub, cell: &CellOf<S>) {
        let Some(frozen) = self.frozen.as_mut().filter(|frozen| frozen.generation == cell.dirtied) else { return };
        let timed = self.timed;
        let at = Address { slot, sub: sub.clone() };
        if let Err(what) = frozen.copied.push(at, |out| encode_cell::<S>(timed, cell, out)) {
            self.fault.get_or_insert(what);
        }
    }

    /// The dirty set becomes the snapshot's.
    pub(super) fn freeze(&mut self) {
        self.frozen = Some(Frozen {
            generation: self.generation.get(),
            gone: Work::new(std::mem::take(&mut self.gone)),
            dirty: Work::new(std::mem::replace(&mut self.dirty, std::mem::take(&mut self.spare))),
            copied: Copied::default(),
        });
        self.generation = self.generation.saturating_add(1);
    }

    /// The outstanding snapshot is durable.
    pub(super) fn durable(&mut self) {
        let Some(frozen) = self.frozen.take() else { return };
        let mut list = frozen.dirty.into_all();
        let is_usual = list.capacity() <= SPARE * list.len();
        list.clear();
        self.spare = if is_usual { list } else { Vec::new() };
    }

    /// Whether most of the dirty list, which is about to grow, must be of cells that are gone.
    pub(super) fn is_crowded(&self, cells: usize) -> bool {
        self.dirty.len() == self.dirty.capacity() && self.dirty.len() > CROWDED * cells.max(FEW)
    }

    /// The outstanding snapshot is abandoned: what went goes into the next one; the caller marks the cells returned.
    pub(super) fn redo(&mut self) -> Vec<Address<S::Sub>> {
        let Some(frozen) = self.frozen.take() else { return Vec::new() };
        let mut gone = frozen.gone.into_all();
        gone.append(&mut self.gone);
        self.gone = gone;
        frozen.dirty.into_all()
    }

    /// Approximate size in memory.
    pub(super) fn bytes(&self) -> usize {
        let frozen = self.frozen.as_ref();
        let lists = frozen.map_or(0, |frozen| frozen.gone.len() + frozen.dirty.len() + frozen.copied.ends.len());
        let copies = frozen.map_or(0, |frozen| frozen.copied.bytes.len());
        (self.dirty.len() + self.gone.len() + self.spare.capacity() + lists) * size_of::<Address<S::Sub>>() + copies
    }

    pub(super) fn take_fault(&mut self) -> Option<String> {
        self.fault.take()
    }
}

/// Appends a cell's encoding: the time of its last write where that counts, then the value.
pub(super) fn encode_cell<S: Shelf>(timed: bool, cell: &CellOf<S>, out: &mut Vec<u8>) -> Result<(), String> {
    if timed {
        out.extend_from_slice(&cell.written.millis().to_le_bytes());
    }
    S::encode_item(&cell.value, out)
}

/// Encoded or never written: no snapshot waits for the cell.
pub(super) fn clean<V, W>(cell: &mut Cell<V, W>) {
    cell.dirtied = CLEAN;
}
