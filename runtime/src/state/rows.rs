//! From keys to slots: one look-up for each record, whatever the number of columns.
use super::cursor::Slot;
use super::lines::{Lines, SLOTS};
use crate::data::Key;

/// Keys by their 64-bit hash, which was computed at the sender. Slots are dense and used again.
#[derive(Debug)]
pub struct RowIndex<K> {
    lines: Index<K>,
    /// Apart from the hashes, which only growth reads, and without options, which double the size of integers: a
    /// look-up touches one line of this slab. A slot that was released keeps its key until it is used again.
    keys: Vec<K>,
    hashes: Vec<u64>,
    free: Vec<u32>,
    /// Records of a batch whose first candidate is not their key.
    missed: Vec<u32>,
}

/// How a slot is found: by a tag and then its key, or where keys are small by the key in the line itself, which saves a
/// cache miss for each record.
#[derive(Debug)]
enum Index<K> {
    /// The upper halves of the hashes, eight to a cache line.
    Tags(Lines<u32, 8>),
    /// Keys of at most eight bytes, five to a cache line.
    Keys(Lines<K, 5>),
}

fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

impl<K> Default for RowIndex<K> {
    fn default() -> Self {
        let lines = match size_of::<K>() <= 8 && !std::mem::needs_drop::<K>() {
            true => Index::Keys(Lines::default()),
            false => Index::Tags(Lines::default()),
        };
        Self { lines, keys: Vec::new(), hashes: Vec::new(), free: Vec::new(), missed: Vec::new() }
    }
}

impl<K: Key> RowIndex<K> {
    /// How many keys.
    pub fn len(&self) -> usize {
        match &self.lines {
            Index::Tags(lines) => lines.len(),
            Index::Keys(lines) => lines.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The slot of a key that is there.
    #[inline]
    pub fn find(&self, hash: u64, key: &K) -> Option<Slot> {
        let found = match &self.lines {
            Index::Tags(lines) => lines.find(hash, &tag(hash), |slot| self.keys[slot as usize] == *key),
            Index::Keys(lines) => lines.find(hash, key, |_| true),
        };
        found.map(Slot)
    }

    /// The slot of a key; `added` hears of a new one.
    #[inline]
    pub fn resolve(&mut self, hash: u64, key: &K, added: impl FnOnce(Slot)) -> Slot {
        match self.find(hash, key) {
            Some(slot) => slot,
            None => {
                let slot = self.add(hash, key);
                added(slot);
                slot
            }
        }
    }

    /// The slots of the keys of a batch, in order, appended to `out`.
    ///
    /// In passes without a branch that depends on memory, so that the cache misses of many look-ups overlap: first the
    /// lines of the hashes, then the candidates in them, then their keys, then the few that were wrong.
    pub fn resolve_batch<'k>(
        &mut self,
        hashes: &[u64],
        key: impl Fn(usize) -> &'k K,
        out: &mut Vec<Slot>,
        mut added: impl FnMut(Slot),
    ) where
        K: 'k,
    {
        let start = out.len();
        let mut missed = std::mem::take(&mut self.missed);
        missed.resize(hashes.len(), 0);
        let mut count = 0;
        let mut note = |i: usize, is_missed: bool| {
            missed[count] = i as u32;
            count += usize::from(is_missed);
        };
        match &self.lines {
            Index::Tags(lines) => {
                lines.fetch(hashes);
                out.extend(hashes.iter().map(|&hash| Slot(lines.candidate(hash, &tag(hash)))));
                for (i, slot) in out[start..].iter().enumerate() {
                    note(i, self.keys.get(slot.index()).is_none_or(|found| found != key(i)));
                }
            }
            Index::Keys(lines) => {
                lines.fetch(hashes);
                out.extend(hashes.iter().enumerate().map(|(i, &hash)| {
                    let slot = lines.candidate(hash, key(i));
                    note(i, slot >= SLOTS);
                    Slot(slot)
                }));
            }
        }
        for &i in &missed[..count] {
            let i = i as usize;
            out[start + i] = self.resolve(hashes[i], key(i), &mut added);
        }
        self.missed = missed;
    }

    /// The key in a slot; a stale one where the slot was released.
    #[inline]
    pub fn key(&self, slot: Slot) -> Option<&K> {
        self.keys.get(slot.index())
    }

    /// The hash of the key in a slot.
    pub fn hash(&self, slot: Slot) -> u64 {
        self.hashes.get(slot.index()).copied().unwrap_or(0)
    }

    /// Brings what is known of these slots near, before they are unlinked: misses that do not wait for each other.
    pub fn fetch(&self, slots: &[Slot]) {
        let hashes: Vec<u64> = slots.iter().map(|slot| self.hash(*slot)).collect();
        match &self.lines {
            Index::Tags(lines) => lines.fetch(&hashes),
            Index::Keys(lines) => lines.fetch(&hashes),
        }
    }

    /// The key is not found from now on; its slot is not used again before [`RowIndex::release`].
    pub fn unlink(&mut self, slot: Slot) {
        let hash = self.hash(slot);
        match &mut self.lines {
            Index::Tags(lines) => lines.remove(hash, slot.0),
            Index::Keys(lines) => lines.remove(hash, slot.0),
        }
    }

    /// Gives the slot of an unlinked key free, once.
    pub fn release(&mut self, slot: Slot) {
        self.free.push(slot.0);
    }

    /// Approximate size in bytes, without what keys own.
    pub fn bytes(&self) -> usize {
        let lines = match &self.lines {
            Index::Tags(lines) => lines.bytes(),
            Index::Keys(lines) => lines.bytes(),
        };
        lines + self.keys.capacity() * size_of::<K>() + self.hashes.capacity() * 8
    }

    #[cold]
    #[inline(never)]
    fn add(&mut self, hash: u64, key: &K) -> Slot {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.keys[slot as usize] = key.clone();
                self.hashes[slot as usize] = hash;
                slot
            }
            None => {
                self.keys.push(key.clone());
                self.hashes.push(hash);
                let slot = u32::try_from(self.keys.len() - 1).ok().filter(|slot| *slot < SLOTS);
                slot.expect("a worker has fewer than 2^32 keys")
            }
        };
        let hashes = self.hashes.as_slice();
        let hash_of = |other: u32| hashes[other as usize];
        match &mut self.lines {
            Index::Tags(lines) => lines.insert(hash, tag(hash), slot, hash_of),
            Index::Keys(lines) => lines.insert(hash, key.clone(), slot, hash_of),
        }
        Slot(slot)
    }
}
