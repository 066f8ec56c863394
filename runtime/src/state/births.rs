//! Which slots hold a row, and since when.
use super::cursor::Slot;

/// In place of a birth: the slot is free.
const FREE: u32 = 0;
/// Beside a birth: the row is gone, but the snapshot that is being encoded may name its slot.
const GONE: u32 = 1 << 31;

/// By slot, the generation that made its row. A row that was born before the present generation is in a snapshot: it
/// was not empty at the freeze.
#[derive(Default)]
pub(super) struct Births(Vec<u32>);

impl Births {
    /// A row comes into being.
    pub(super) fn bear(&mut self, slot: Slot, generation: u32) {
        if self.0.len() <= slot.index() {
            self.0.resize(slot.index() + 1, FREE);
        }
        self.0[slot.index()] = generation;
    }

    /// Whether there is a row, and it is not gone.
    #[inline]
    pub(super) fn is_live(&self, slot: Slot) -> bool {
        self.0.get(slot.index()).is_some_and(|born| *born != FREE && born & GONE == 0)
    }

    /// The birth of a row that is there, or that is gone and still held.
    pub(super) fn of(&self, slot: Slot) -> Option<u32> {
        self.0.get(slot.index()).map(|born| born & !GONE).filter(|born| *born != FREE)
    }

    /// The row is gone.
    pub(super) fn end(&mut self, slot: Slot) {
        self.0[slot.index()] |= GONE;
    }

    /// The slot is free.
    pub(super) fn free(&mut self, slot: Slot) {
        self.0[slot.index()] = FREE;
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<u32>()
    }
}
