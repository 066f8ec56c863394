//! A hash table of slots whose buckets are cache lines.
//!
//! A batch is looked up in passes (see [`super::RowIndex`]), which a table with a closed interface cannot do: first one
//! load for each key brings its line, then eight tags are compared at once. Over 1 M random keys this takes a third of
//! the time of the same look-ups one by one.
use std::hint::black_box;

/// Places of a line.
const PLACES: usize = 8;
/// A line holds so many on average before the table grows.
const FULL: usize = 6;
/// Nothing was ever here, or the line was never full: a search ends.
const EMPTY: u32 = u32::MAX;
/// Something was here while the line was full: a search goes on.
const GONE: u32 = u32::MAX - 1;
/// Slots are smaller.
pub(super) const SLOTS: u32 = GONE;

/// The upper halves of hashes, and the slots that belong to them. Aligned, so that a look-up touches one cache line.
#[repr(align(64))]
#[derive(Clone, Debug)]
struct Line {
    tags: [u32; PLACES],
    slots: [u32; PLACES],
}

const BLANK: Line = Line { tags: [0; PLACES], slots: [EMPTY; PLACES] };

/// Slots by hash. Equal hashes may have several.
#[derive(Debug)]
pub(super) struct Lines {
    /// A power of two; a hash begins at the line that its low bits say, and goes on while lines are full.
    lines: Vec<Line>,
    live: usize,
    /// Places that were freed in full lines.
    gone: usize,
}

impl Default for Lines {
    fn default() -> Self {
        Self { lines: vec![BLANK], live: 0, gone: 0 }
    }
}

fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

impl Lines {
    pub(super) fn len(&self) -> usize {
        self.live
    }

    pub(super) fn bytes(&self) -> usize {
        self.lines.capacity() * size_of::<Line>()
    }

    fn home(&self, hash: u64) -> usize {
        hash as usize & (self.lines.len() - 1)
    }

    /// Brings the lines of all hashes near: loads that do not wait for each other.
    pub(super) fn fetch(&self, hashes: &[u64]) {
        black_box(hashes.iter().fold(0, |all, hash| all ^ self.lines[self.home(*hash)].tags[0]));
    }

    /// The slot that most probably has this hash, without a branch; not below [`SLOTS`] where there seems to be none.
    #[inline]
    pub(super) fn candidate(&self, hash: u64) -> u32 {
        let line = &self.lines[self.home(hash)];
        let places = (0..PLACES).fold(0, |all, at| all | u32::from(line.tags[at] == tag(hash)) << at);
        let first = places.trailing_zeros() as usize;
        if first < PLACES { line.slots[first % PLACES] } else { EMPTY }
    }

    /// The slot with this hash for which `is_it` holds.
    pub(super) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut at = self.home(hash);
        loop {
            let line = &self.lines[at];
            for (other, slot) in line.tags.iter().zip(line.slots) {
                if *other == tag(hash) && slot < SLOTS && is_it(slot) {
                    return Some(slot);
                }
            }
            if line.slots.contains(&EMPTY) {
                return None;
            }
            at = (at + 1) & (self.lines.len() - 1);
        }
    }

    /// Puts a slot in that is not there. `hash_of` tells the hashes of those that are, for when the table grows.
    pub(super) fn insert(&mut self, hash: u64, slot: u32, hash_of: impl Fn(u32) -> u64) {
        if self.live + self.gone >= self.lines.len() * FULL {
            self.grow(hash_of);
        }
        self.place(hash, slot);
    }

    fn place(&mut self, hash: u64, slot: u32) {
        let mut at = self.home(hash);
        loop {
            let line = &mut self.lines[at];
            if let Some(place) = line.slots.iter().position(|slot| *slot >= SLOTS) {
                self.gone -= usize::from(line.slots[place] == GONE);
                self.live += 1;
                (line.tags[place], line.slots[place]) = (tag(hash), slot);
                return;
            }
            at = (at + 1) & (self.lines.len() - 1);
        }
    }

    /// Twice as many lines, or as many where most places were only gone.
    fn grow(&mut self, hash_of: impl Fn(u32) -> u64) {
        let len = if self.gone > self.live { self.lines.len() } else { self.lines.len() * 2 };
        let old = std::mem::replace(&mut self.lines, vec![BLANK; len]);
        (self.live, self.gone) = (0, 0);
        for slot in old.into_iter().flat_map(|line| line.slots).filter(|slot| *slot < SLOTS) {
            self.place(hash_of(slot), slot);
        }
    }

    /// Takes a slot out, if it is there.
    pub(super) fn remove(&mut self, hash: u64, slot: u32) {
        let mut at = self.home(hash);
        loop {
            let line = &mut self.lines[at];
            let was_full = !line.slots.contains(&EMPTY);
            if let Some(place) = line.slots.iter().position(|other| *other == slot) {
                (line.tags[place], line.slots[place]) = (0, if was_full { GONE } else { EMPTY });
                self.gone += usize::from(was_full);
                self.live -= 1;
                return;
            }
            if !was_full {
                return;
            }
            at = (at + 1) & (self.lines.len() - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Few homes and few tags, so that lines overflow, tags collide, and places are freed in full lines.
    #[test]
    fn it_is_a_multimap_of_hashes() {
        let (mut lines, mut model, mut hashes) = (Lines::default(), BTreeMap::new(), Vec::new());
        let mut random = 1u64;
        for step in 0..30_000u32 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let hash = ((random >> 33) % 5) | (((random >> 40) % 3) << 32) | ((random >> 45) % 40 * 64);
            hashes.push(hash);
            let there = model.keys().copied().find(|slot| hashes[*slot as usize] == hash);
            if let Some(slot) = there.filter(|_| random >> 62 != 0) {
                lines.remove(hash, slot);
                model.remove(&slot);
            } else if model.len() < 500 {
                lines.insert(hash, step, |slot| hashes[slot as usize]);
                model.insert(step, ());
            }
            assert_eq!(lines.len(), model.len());
            let found = lines.find(hash, |slot| hashes[slot as usize] == hash);
            assert_eq!(found.is_some(), model.keys().any(|slot| hashes[*slot as usize] == hash), "step {step}");
            let candidate = lines.candidate(hash);
            assert!(candidate >= SLOTS || model.contains_key(&candidate), "step {step}");
        }
        assert!(model.keys().all(|slot| lines.find(hashes[*slot as usize], |other| other == *slot).is_some()));
    }
}
