//! The removal of what outlived its TTL: a round over the slab, at the pace that the TTL asks for.
//!
//! Reads do not see expired cells anyway; the round gives their memory back, at most an eighth of the TTL late (or as
//! late as its budget makes it). A queue of writes in time order would find them sooner, but keeps an entry for each
//! value that was set and cleared within the TTL; this keeps nothing.
use super::cursor::Slot;
use super::shelf::Shelf;
use super::table::Table;

/// A round takes this part of the TTL.
const ROUNDS: i128 = 8;

/// Where the round is, and when it last went on.
pub(super) struct Sweep<Sub> {
    slot: usize,
    /// In the middle of a shelf: go on behind this sub-key.
    sub: Option<Sub>,
    at: Option<i64>,
}

impl<Sub> Default for Sweep<Sub> {
    fn default() -> Self {
        Self { slot: 0, sub: None, at: None }
    }
}

impl<S: Shelf> Table<S> {
    /// Goes on with the round, visiting at most `budget` cells and slots, and counts it down.
    pub(super) fn sweep(&mut self, budget: &mut usize) {
        let Some(ttl) = self.ttl else { return };
        let now = self.cursor.millis();
        let all = self.shelves.len() + self.size.cells;
        let due = match self.sweep.at {
            None => all,
            Some(at) => {
                let due = all as i128 * ROUNDS * (i128::from(now) - i128::from(at)) / i128::from(ttl);
                usize::try_from(due).unwrap_or(usize::MAX).min(all)
            }
        };
        if due == 0 {
            return;
        }
        self.sweep.at = Some(now);
        let mut left = due.min(*budget);
        *budget -= left;
        let from = self.sweep.slot;
        while left > 0 && self.sweep_shelf(&mut left) != from {}
        *budget += left;
    }

    /// One shelf, or a part of it. Returns where the next one is.
    fn sweep_shelf(&mut self, left: &mut usize) -> usize {
        let slot = self.sweep.slot;
        *left -= 1;
        let mut expired = Vec::new();
        let mut next = None;
        if let Some(shelf) = self.shelves.get(slot) {
            shelf.visit(self.sweep.sub.as_ref(), &mut |sub, cell| {
                if *left == 0 {
                    next = Some(sub.clone());
                    return false;
                }
                *left -= 1;
                if !self.is_live(cell) {
                    expired.push(sub.clone());
                }
                true
            });
        }
        for sub in expired {
            self.remove(Slot(slot as u32), &sub);
        }
        if next.is_none() {
            self.sweep.slot = if slot + 1 < self.shelves.len() { slot + 1 } else { 0 };
        }
        self.sweep.sub = next;
        self.sweep.slot
    }
}
