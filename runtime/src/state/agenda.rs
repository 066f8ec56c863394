//! The order of timers over all keys: a page for each instant, on it the slots whose timers fire then.
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// A page may have so many lines that are out of date, and as many more as it has timers.
const STALE: usize = 64;

/// Timers by time, then slot. Many are of one instant, as the ends of windows are: a tree of all would cost more than they
/// do. What a page lists may be out of date, since timers that are cancelled are not looked for: who asks knows better.
#[derive(Default)]
pub(super) struct Agenda {
    pages: BTreeMap<i64, Page>,
    /// The room of the last page that came to its end, for the next one that begins.
    blank: Vec<u32>,
    crowded: Option<i64>,
}

/// The timers of one instant; never none.
struct Page {
    /// A slot for each timer, and some that are out of date. Backwards once it is sorted.
    lines: Vec<u32>,
    is_sorted: bool,
    timers: usize,
}

impl Agenda {
    /// When the first timer fires.
    pub(super) fn first_at(&self) -> Option<i64> {
        self.pages.first_key_value().map(|(at, _)| *at)
    }

    /// A timer was set.
    pub(super) fn add(&mut self, at: i64, slot: u32) {
        let begin = || Page { lines: std::mem::take(&mut self.blank), is_sorted: false, timers: 0 };
        let page = self.pages.entry(at).or_insert_with(begin);
        if page.lines.len() == page.lines.capacity() && page.lines.len() > STALE + 2 * page.timers {
            self.crowded = Some(at);
        }
        page.add(slot);
    }

    /// A timer has fired, or was cancelled.
    pub(super) fn remove(&mut self, at: i64, slot: u32) {
        let Entry::Occupied(mut found) = self.pages.entry(at) else { return };
        let page = found.get_mut();
        page.timers -= 1;
        if page.timers == 0 {
            self.blank = found.remove().lines;
            self.blank.clear();
        } else if page.is_sorted && page.lines.last() == Some(&slot) {
            page.lines.pop();
        }
    }

    /// The first timer that is due: time, slot, and what `find` has found there. It finds nothing where none is set.
    pub(super) fn first<R>(&mut self, up_to: i64, find: impl Fn(i64, u32) -> Option<R>) -> Option<(i64, u32, R)> {
        let mut first = self.pages.first_entry().filter(|first| *first.key() <= up_to)?;
        let at = *first.key();
        let lines = first.get_mut().sorted();
        while let Some(slot) = lines.last().copied() {
            if let Some(found) = find(at, slot) {
                return Some((at, slot, found));
            }
            lines.pop();
        }
        None
    }

    /// The slots of the timers that fire next, about.
    pub(super) fn upcoming(&mut self, up_to: i64) -> impl Iterator<Item = u32> {
        self.pages.range_mut(..=up_to).flat_map(|(_, page)| page.sorted().iter().rev().copied())
    }

    /// Where a page has more lines that are out of date than others, those go. `count` knows how many timers a slot has at
    /// that time.
    pub(super) fn tidy(&mut self, count: impl Fn(i64, u32) -> usize) {
        let Some(at) = self.crowded.take() else { return };
        let Some(page) = self.pages.get_mut(&at) else { return };
        page.sorted().dedup();
        page.lines = page.lines.iter().flat_map(|slot| std::iter::repeat_n(*slot, count(at, *slot))).collect();
        page.is_sorted = false; // else each further timer would move half of the others
    }
}

impl Page {
    fn add(&mut self, slot: u32) {
        self.timers += 1;
        if self.is_sorted {
            let at = self.lines.partition_point(|other| *other > slot);
            self.lines.insert(at, slot);
        } else {
            self.lines.push(slot);
        }
    }

    fn sorted(&mut self) -> &mut Vec<u32> {
        if !self.is_sorted {
            self.lines.sort_unstable_by(|a, b| b.cmp(a));
            self.is_sorted = true;
        }
        &mut self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// How many timers each slot has at each time.
    type Model = BTreeMap<(i64, u32), usize>;

    fn set(agenda: &mut Agenda, model: &mut Model, at: i64, slot: u32) {
        *model.entry((at, slot)).or_default() += 1;
        agenda.add(at, slot);
        agenda.tidy(|at, slot| model.get(&(at, slot)).copied().unwrap_or(0));
    }

    fn unset(agenda: &mut Agenda, model: &mut Model, at: i64, slot: u32) {
        let Entry::Occupied(mut there) = model.entry((at, slot)) else { return };
        *there.get_mut() -= 1;
        if *there.get() == 0 {
            there.remove();
        }
        agenda.remove(at, slot);
    }

    proptest! {
        #[test]
        fn it_is_the_order_of_all_that_is_set(steps in prop::collection::vec((0i64..5, 0u32..6, 0u8..4), 0..300)) {
            let (mut agenda, mut model) = (Agenda::default(), Model::new());
            for (at, slot, what) in steps {
                match what {
                    0 => unset(&mut agenda, &mut model, at, slot),
                    1 => {
                        let next: Vec<u32> = agenda.upcoming(at).collect();
                        let due = model.range(..=(at, u32::MAX)).map(|((_, slot), _)| *slot);
                        prop_assert!(due.clone().all(|slot| next.contains(&slot)));
                        let first = agenda.first(at, |at, slot| model.get(&(at, slot)).copied());
                        prop_assert_eq!(first, model.iter().next().map(|((at, slot), n)| (*at, *slot, *n)).filter(|f| f.0 <= at));
                        if let Some((at, slot, _)) = first {
                            unset(&mut agenda, &mut model, at, slot);
                        }
                    }
                    _ => set(&mut agenda, &mut model, at, slot),
                }
                prop_assert_eq!(agenda.first_at(), model.keys().next().map(|(at, _)| *at));
            }
        }
    }

    /// As a job does that moves each key's time-out with each record.
    #[test]
    fn what_is_set_and_cancelled_again_and_again_fills_no_memory() {
        let (mut agenda, mut model) = (Agenda::default(), Model::new());
        set(&mut agenda, &mut model, 7, 0);
        for slot in (1..100).cycle().take(100_000) {
            set(&mut agenda, &mut model, 7, slot);
            unset(&mut agenda, &mut model, 7, slot);
        }
        assert!(agenda.pages[&7].lines.capacity() < 1_000, "{}", agenda.pages[&7].lines.capacity());
        assert_eq!(agenda.first(7, |at, slot| model.get(&(at, slot)).copied()), Some((7, 0, 1)));
    }
}
