//! What is to be done when: derived from the state, in memory only, and made again after a restore.
use millstream_runtime::state::Slot;
use millstream_runtime::time::Timestamp;
use std::collections::BTreeMap;

/// A key to look at when the watermark has reached `at`. The instant tells which of its windows can be due, and the looking
/// decides: an entry may be out of date. So one costs four bytes, and windows of a key that are due at once share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Look {
    pub at: Timestamp,
    pub slot: Slot,
}

/// All looks of an operator, by time. Many windows end at one instant, so a tree of all looks would cost more than they do.
#[derive(Default)]
pub(super) struct Agenda {
    pages: BTreeMap<Timestamp, Page>,
    /// The lines of the last page that came to its end: the next page that begins has their room, else each would grow
    /// from nothing.
    blank: Vec<Slot>,
}

impl Agenda {
    /// Adds a look; one that is there stays one.
    pub fn add(&mut self, look: Look) {
        let begin = || Page { lines: std::mem::take(&mut self.blank), is_sorted: false };
        self.pages.entry(look.at).or_insert_with(begin).add(look.slot);
    }

    pub fn has(&self, look: &Look) -> bool {
        self.pages.get(&look.at).is_some_and(|page| page.has(look.slot))
    }

    /// The next look that is due.
    pub fn pop(&mut self, watermark: Timestamp) -> Option<Look> {
        let mut first = self.pages.first_entry().filter(|first| *first.key() <= watermark)?;
        let (at, popped) = (*first.key(), first.get_mut().pop());
        if first.get().lines.is_empty() {
            self.blank = first.remove().lines;
        }
        popped.map(|slot| Look { at, slot })
    }

    /// The keys of the looks that come next, at most so many, as far as they are planned by now.
    pub fn upcoming(&mut self, watermark: Timestamp, most: usize) -> impl Iterator<Item = Slot> {
        let due = self.pages.range_mut(..=watermark);
        due.flat_map(|(_, page)| page.sorted().iter().rev().copied()).take(most)
    }

    pub fn is_due(&self, watermark: Timestamp) -> bool {
        self.pages.first_key_value().is_some_and(|(at, _)| *at <= watermark)
    }
}

/// The looks of one instant; never empty.
struct Page {
    /// Backwards and each once from the first pop on; before that as they came.
    lines: Vec<Slot>,
    is_sorted: bool,
}

impl Page {
    fn add(&mut self, line: Slot) {
        if self.is_sorted {
            if let Err(at) = self.position(line) {
                self.lines.insert(at, line);
            }
        } else if self.lines.last() != Some(&line) {
            if self.lines.len() == self.lines.capacity() {
                self.tidy(); // else what is added again and again would fill the memory
            }
            self.lines.push(line);
        }
    }

    fn has(&self, line: Slot) -> bool {
        if self.is_sorted { self.position(line).is_ok() } else { self.lines.contains(&line) }
    }

    fn pop(&mut self) -> Option<Slot> {
        self.sorted().pop()
    }

    fn sorted(&mut self) -> &mut Vec<Slot> {
        if !self.is_sorted {
            self.tidy();
            self.is_sorted = true;
        }
        &mut self.lines
    }

    fn tidy(&mut self) {
        // Stable, as that is fast where lines come in a few runs: windows that fire plan the next ones in order.
        self.lines.sort_by(|a, b| b.cmp(a));
        self.lines.dedup();
        // Tidied again after as many lines more, not after a few.
        self.lines.reserve(self.lines.len());
    }

    fn position(&self, line: Slot) -> Result<usize, usize> {
        self.lines.binary_search_by(|other| line.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_runtime::state::{Backend, Cursor, Memory};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn slots() -> Vec<Slot> {
        let mut rows = Memory::new(&Cursor::new());
        (0..4u64).map(|key| rows.resolve(key, &key)).collect()
    }

    proptest! {
        #[test]
        fn it_is_an_ordered_set(steps in prop::collection::vec((0i64..6, 0usize..4, any::<bool>()), 0..200)) {
            let (mut agenda, mut set, slots) = (Agenda::default(), BTreeSet::new(), slots());
            for (at, slot, pops) in steps {
                let this = Look { at: Timestamp(at), slot: slots[slot] };
                if pops {
                    let due = set.first().copied().filter(|first: &Look| first.at <= this.at);
                    let next = set.iter().filter(|look| look.at <= this.at).map(|look| look.slot);
                    prop_assert!(agenda.upcoming(this.at, 3).eq(next.take(3)));
                    prop_assert_eq!(agenda.is_due(this.at), due.is_some());
                    prop_assert_eq!(agenda.pop(this.at), due);
                    due.map(|due| set.remove(&due));
                } else {
                    agenda.add(this);
                    set.insert(this);
                }
                prop_assert_eq!(agenda.has(&this), set.contains(&this));
            }
        }
    }

    #[test]
    fn what_is_added_again_and_again_is_kept_once() {
        let (mut agenda, slots) = (Agenda::default(), slots());
        let looks = slots.iter().cycle().map(|slot| Look { at: Timestamp(7), slot: *slot });
        looks.take(100_000).for_each(|look| agenda.add(look));
        assert!(agenda.pages.values().all(|page| page.lines.capacity() < 100));
    }
}
