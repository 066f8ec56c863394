//! From keys to slots: one look-up for each record, whatever the number of columns.
use super::cursor::Slot;
use super::lines::{Lines, SLOTS};
use crate::data::Key;

/// Keys by their 64-bit hash, which was computed at the sender. Slots are dense and used again.
#[derive(Debug)]
pub struct RowIndex<K> {
    lines: Lines,
    /// Apart from the hashes, which only growth reads, and without options, which double the size of integers: a
    /// look-up touches one line of this slab. A slot that was released keeps its key until it is used again.
    keys: Vec<K>,
    hashes: Vec<u64>,
    free: Vec<u32>,
    /// Records of a batch whose first candidate is not their key.
    missed: Vec<u32>,
}

impl<K> Default for RowIndex<K> {
    fn default() -> Self {
        Self { lines: Lines::default(), keys: Vec::new(), hashes: Vec::new(), free: Vec::new(), missed: Vec::new() }
    }
}

impl<K: Key> RowIndex<K> {
    /// How many keys.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The slot of a key that is there.
    #[inline]
    pub fn find(&self, hash: u64, key: &K) -> Option<Slot> {
        self.lines.find(hash, |slot| self.keys[slot as usize] == *key).map(Slot)
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
        self.lines.fetch(hashes);
        out.extend(hashes.iter().map(|&hash| Slot(self.lines.candidate(hash))));
        let slots = &mut out[start..];
        let mut missed = std::mem::take(&mut self.missed);
        missed.resize(hashes.len(), 0);
        let mut count = 0;
        for (i, slot) in slots.iter().enumerate() {
            missed[count] = i as u32;
            count += usize::from(self.keys.get(slot.index()).is_none_or(|found| found != key(i)));
        }
        for &i in &missed[..count] {
            let i = i as usize;
            slots[i] = self.resolve(hashes[i], key(i), &mut added);
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

    /// The key is not found from now on; its slot is not used again before [`RowIndex::release`].
    pub fn unlink(&mut self, slot: Slot) {
        self.lines.remove(self.hash(slot), slot.0);
    }

    /// Gives the slot of an unlinked key free, once.
    pub fn release(&mut self, slot: Slot) {
        self.free.push(slot.0);
    }

    /// Approximate size in bytes, without what keys own.
    pub fn bytes(&self) -> usize {
        self.lines.bytes() + self.keys.capacity() * size_of::<K>() + self.hashes.capacity() * 8
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
        self.lines.insert(hash, slot, |other| hashes[other as usize]);
        Slot(slot)
    }
}
