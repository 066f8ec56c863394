//! The batches that wait in the inboxes of one worker, and the sources that do not read because of them.
use std::cell::{Cell, RefCell};

/// A source does not read while so many batches wait: what is not read waits outside, not in memory. Those of other
/// workers are bounded by credits and open epochs.
pub(crate) const MOST: usize = 64;

/// It goes on when so few are left: it is woken once for many batches, and before the inboxes run dry.
const FEW: usize = MOST / 2;

/// See the module.
#[derive(Default)]
pub(crate) struct Backlog {
    waiting: Cell<usize>,
    /// A source found it full, and sleeps.
    is_awaited: Cell<bool>,
    sources: RefCell<Vec<Box<dyn Fn()>>>,
}

impl Backlog {
    /// `wake` lets a source run.
    pub fn add_source(&self, wake: impl Fn() + 'static) {
        self.sources.borrow_mut().push(Box::new(wake));
    }

    /// A batch waits.
    pub fn add(&self) {
        self.waiting.set(self.waiting.get() + 1);
    }

    /// A batch waits no longer.
    pub fn remove(&self) {
        let left = self.waiting.get().saturating_sub(1);
        self.waiting.set(left);
        if left <= FEW && self.is_awaited.replace(false) {
            self.sources.borrow().iter().for_each(|wake| wake());
        }
    }

    /// Whether sources may read. One that may not is woken when there is room again.
    pub fn has_room(&self) -> bool {
        let has_room = self.waiting.get() < MOST;
        if !has_room {
            self.is_awaited.set(true);
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    #[test]
    fn a_source_that_waits_is_woken_once_when_half_is_gone() {
        let (backlog, woken) = (Backlog::default(), Rc::new(Cell::new(0)));
        let count = Rc::clone(&woken);
        backlog.add_source(move || count.set(count.get() + 1));
        (0..MOST).for_each(|_| backlog.add());
        (0..MOST).for_each(|_| backlog.remove());
        assert_eq!(woken.get(), 0, "nobody waits");
        (0..MOST).for_each(|_| backlog.add());
        assert!(!backlog.has_room());
        (FEW..MOST - 1).for_each(|_| backlog.remove());
        assert_eq!((woken.get(), backlog.has_room()), (0, true), "more than half is left");
        (0..=FEW).for_each(|_| backlog.remove());
        assert_eq!(woken.get(), 1);
    }
}
