//! Which rows were used lately, by slot: a clock with one bit for each row.
use super::super::cursor::Slot;

/// Used since the hand came by.
const WARM: u8 = 1;
/// The row is there, its cells are on the disk.
const HOLLOW: u8 = 2;
/// The disk has a row of this key, current only where the row is hollow.
const COPY: u8 = 4;

/// See the module.
#[derive(Default)]
pub(super) struct Warmth {
    marks: Vec<u8>,
    hand: usize,
}

impl Warmth {
    /// The slot is that of another key now.
    pub(super) fn begin(&mut self, slot: Slot) {
        if self.marks.len() <= slot.index() {
            self.marks.resize(slot.index() + 1, 0);
        }
        self.marks[slot.index()] = WARM;
    }

    /// These rows are used.
    #[inline]
    pub(super) fn touch(&mut self, slots: &[Slot]) {
        for slot in slots {
            self.marks[slot.index()] |= WARM;
        }
    }

    pub(super) fn is_hollow(&self, slot: Slot) -> bool {
        self.has(slot, HOLLOW)
    }

    pub(super) fn has_copy(&self, slot: Slot) -> bool {
        self.has(slot, COPY)
    }

    fn has(&self, slot: Slot, mark: u8) -> bool {
        self.marks.get(slot.index()).is_some_and(|marks| marks & mark != 0)
    }

    /// The cells of the row went to the disk.
    pub(super) fn hollow(&mut self, slot: Slot) {
        self.marks[slot.index()] = HOLLOW | COPY;
    }

    /// The cells of the row are back; the disk keeps what it has until it gets another.
    pub(super) fn fill(&mut self, slot: Slot) {
        self.marks[slot.index()] = WARM | COPY;
    }

    /// The slot is nobody's.
    pub(super) fn end(&mut self, slot: Slot) {
        if let Some(marks) = self.marks.get_mut(slot.index()) {
            *marks = 0;
        }
    }

    /// How many slots two rounds of the hand pass: after those, whatever could go has gone.
    pub(super) fn two_rounds(&self) -> usize {
        2 * self.marks.len()
    }

    /// Moves the hand on. The slot it was at, if that was not used since the last round.
    pub(super) fn next_cold(&mut self) -> Option<Slot> {
        let at = self.hand;
        self.hand = if at + 1 < self.marks.len() { at + 1 } else { 0 };
        let marks = self.marks.get_mut(at)?;
        let was_warm = *marks & WARM != 0;
        *marks &= !WARM;
        (!was_warm && *marks & HOLLOW == 0).then_some(Slot(at as u32))
    }

    pub(super) fn bytes(&self) -> usize {
        self.marks.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_gets_another_round() {
        let mut warmth = Warmth::default();
        (0..4).for_each(|slot| warmth.begin(Slot(slot)));
        let mut round = |touched: &[Slot]| {
            warmth.touch(touched);
            (0..4).filter_map(|_| warmth.next_cold()).collect::<Vec<_>>()
        };
        assert_eq!(round(&[]), [], "all are new");
        assert_eq!(round(&[Slot(1), Slot(2)]), [Slot(0), Slot(3)]);
        assert_eq!(round(&[]), [Slot(0), Slot(1), Slot(2), Slot(3)]);
        warmth.hollow(Slot(2));
        assert!(warmth.is_hollow(Slot(2)) && warmth.has_copy(Slot(2)) && !warmth.has_copy(Slot(1)));
        assert_eq!((0..4).filter_map(|_| warmth.next_cold()).collect::<Vec<_>>(), [Slot(0), Slot(1), Slot(3)]);
    }
}
