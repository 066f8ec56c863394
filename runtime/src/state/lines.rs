//! A hash table of slots whose buckets are cache lines.
//!
//! A batch is looked up in passes (see [`super::RowIndex`]), which a table with a closed interface cannot do: first one
//! load for each key brings its line, then the marks of a line are compared at once. Over 1 M random keys this takes a
//! third of the time of the same look-ups one by one.
use std::hint::black_box;

/// Nothing was ever here, or the line was never full: a search ends.
const EMPTY: u32 = u32::MAX;
/// Something was here while the line was full: a search goes on.
const GONE: u32 = u32::MAX - 1;
/// Slots are smaller.
pub(super) const SLOTS: u32 = GONE;

/// What is known of keys, and the slots that belong to them. Aligned, so that a look-up touches one cache line.
#[repr(align(64))]
#[derive(Clone, Debug)]
struct Line<M, const P: usize> {
    /// In places without a slot, any mark.
    marks: [M; P],
    slots: [u32; P],
}

/// Slots by hash, `P` to a line. A mark says more of the key: a part of the hash, where equal hashes may have several
/// slots, or a small key itself.
#[derive(Debug)]
pub(super) struct Lines<M, const P: usize> {
    /// None, or a power of two; a hash begins at the line that its low bits say, and goes on while lines are full.
    lines: Vec<Line<M, P>>,
    live: usize,
    /// Places that were freed in full lines.
    gone: usize,
}

impl<M, const P: usize> Default for Lines<M, P> {
    fn default() -> Self {
        Self { lines: Vec::new(), live: 0, gone: 0 }
    }
}

impl<M: Clone + PartialEq, const P: usize> Lines<M, P> {
    /// A line holds so many on average before the table grows.
    const FULL: usize = P * 3 / 4;

    pub(super) fn len(&self) -> usize {
        self.live
    }

    pub(super) fn bytes(&self) -> usize {
        self.lines.capacity() * size_of::<Line<M, P>>()
    }

    /// Beyond every line where there is none.
    fn home(&self, hash: u64) -> usize {
        hash as usize & self.lines.len().wrapping_sub(1)
    }

    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.lines.len() - 1)
    }

    /// Brings the lines of all hashes near: loads that do not wait for each other.
    pub(super) fn fetch(&self, hashes: &[u64]) {
        let load = |hash: &u64| self.lines.get(self.home(*hash)).map_or(0, |line| line.slots[0]);
        black_box(hashes.iter().map(load).fold(0, |all, slot| all ^ slot));
    }

    /// The first slot in the line of this hash that has this mark, without a branch; not below [`SLOTS`] where there is
    /// none.
    #[inline]
    pub(super) fn candidate(&self, hash: u64, mark: &M) -> u32 {
        let Some(line) = self.lines.get(self.home(hash)) else { return EMPTY };
        let is_it = |at: usize| (line.marks[at] == *mark) & (line.slots[at] < SLOTS);
        let places = (0..P).fold(0, |all, at| all | u32::from(is_it(at)) << at);
        let first = places.trailing_zeros() as usize;
        if first < P { line.slots[first] } else { EMPTY }
    }

    /// The slot with this hash and mark for which `is_it` holds.
    pub(super) fn find(&self, hash: u64, mark: &M, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut at = self.home(hash);
        loop {
            let line = self.lines.get(at)?;
            for (other, slot) in line.marks.iter().zip(line.slots) {
                if *other == *mark && slot < SLOTS && is_it(slot) {
                    return Some(slot);
                }
            }
            if line.slots.contains(&EMPTY) {
                return None;
            }
            at = self.after(at);
        }
    }

    /// Puts a slot in that is not there. `hash_of` tells the hashes of those that are, for when the table grows.
    pub(super) fn insert(&mut self, hash: u64, mark: M, slot: u32, hash_of: impl Fn(u32) -> u64) {
        if self.live + self.gone >= self.lines.len() * Self::FULL {
            self.grow(&mark, hash_of);
        }
        self.place(hash, mark, slot);
    }

    fn place(&mut self, hash: u64, mark: M, slot: u32) {
        let mut at = self.home(hash);
        loop {
            let line = &mut self.lines[at];
            if let Some(place) = line.slots.iter().position(|slot| *slot >= SLOTS) {
                self.gone -= usize::from(line.slots[place] == GONE);
                self.live += 1;
                (line.marks[place], line.slots[place]) = (mark, slot);
                return;
            }
            at = self.after(at);
        }
    }

    /// Twice as many lines, or as many where most places were only gone.
    fn grow(&mut self, any: &M, hash_of: impl Fn(u32) -> u64) {
        let len = if self.gone > self.live { self.lines.len() } else { (self.lines.len() * 2).max(1) };
        let blank = Line { marks: std::array::from_fn(|_| any.clone()), slots: [EMPTY; P] };
        let old = std::mem::replace(&mut self.lines, vec![blank; len]);
        (self.live, self.gone) = (0, 0);
        let places = old.into_iter().flat_map(|line| line.marks.into_iter().zip(line.slots));
        for (mark, slot) in places.filter(|(_, slot)| *slot < SLOTS) {
            self.place(hash_of(slot), mark, slot);
        }
    }

    /// Takes a slot out, if it is there.
    pub(super) fn remove(&mut self, hash: u64, slot: u32) {
        let mut at = self.home(hash);
        while let Some(line) = self.lines.get_mut(at) {
            let was_full = !line.slots.contains(&EMPTY);
            if let Some(place) = line.slots.iter().position(|other| *other == slot) {
                line.slots[place] = if was_full { GONE } else { EMPTY };
                self.gone += usize::from(was_full);
                self.live -= 1;
                return;
            }
            if !was_full {
                return;
            }
            at = self.after(at);
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
        let (mut lines, mut model, mut hashes) = (Lines::<u32, 8>::default(), BTreeMap::new(), Vec::new());
        let tag = |hash: u64| (hash >> 32) as u32;
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
                lines.insert(hash, tag(hash), step, |slot| hashes[slot as usize]);
                model.insert(step, ());
            }
            assert_eq!(lines.len(), model.len());
            let found = lines.find(hash, &tag(hash), |slot| hashes[slot as usize] == hash);
            assert_eq!(found.is_some(), model.keys().any(|slot| hashes[*slot as usize] == hash), "step {step}");
            let candidate = lines.candidate(hash, &tag(hash));
            assert!(candidate >= SLOTS || model.contains_key(&candidate), "step {step}");
        }
        assert!(model.keys().all(|slot| {
            lines.find(hashes[*slot as usize], &tag(hashes[*slot as usize]), |other| other == *slot).is_some()
        }));
    }

    /// The key itself is the mark: another key of the same hash is another key, and a place that was freed finds nothing.
    #[test]
    fn small_keys_are_found_by_themselves() {
        let (mut lines, mut model) = (Lines::<u16, 5>::default(), BTreeMap::new());
        let hash = |key: u16| u64::from(key % 7);
        let mut keys = Vec::new();
        for step in 0..3_000u32 {
            let key = (step.wrapping_mul(2_654_435_761) >> 20) as u16 % 60;
            keys.push(key);
            assert_eq!(lines.find(hash(key), &key, |_| true), model.get(&key).copied(), "step {step}");
            let candidate = lines.candidate(hash(key), &key);
            assert!(candidate >= SLOTS || model.get(&key) == Some(&candidate), "step {step}");
            match model.remove(&key) {
                Some(slot) => lines.remove(hash(key), slot),
                None => {
                    lines.insert(hash(key), key, step, |slot| hash(keys[slot as usize]));
                    model.insert(key, step);
                }
            }
        }
        assert_eq!(lines.len(), model.len());
    }
}
