//! From keys to slots: one look-up for each record, whatever the number of columns.
use super::cursor::Slot;
use crate::data::Key;
use hashbrown::HashTable;

/// Keys by their 64-bit hash, which was computed at the sender. Slots are dense and used again.
#[derive(Debug)]
pub struct RowIndex<K> {
    table: HashTable<u32>,
    /// Apart from the hashes, which only growth reads: a look-up touches one line of this slab.
    keys: Vec<Option<K>>,
    hashes: Vec<u64>,
    free: Vec<u32>,
}

impl<K> Default for RowIndex<K> {
    fn default() -> Self {
        Self { table: HashTable::new(), keys: Vec::new(), hashes: Vec::new(), free: Vec::new() }
    }
}

impl<K: Key> RowIndex<K> {
    /// How many keys.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The slot of a key that is there.
    #[inline]
    pub fn find(&self, hash: u64, key: &K) -> Option<Slot> {
        let keys = self.keys.as_slice();
        self.table.find(hash, |&slot| keys[slot as usize].as_ref() == Some(key)).map(|&slot| Slot(slot))
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

    /// The slots of the keys of a batch, in order, appended to `out`: one tight loop, so that the misses of many
    /// look-ups overlap.
    #[inline]
    pub fn resolve_batch<'k>(
        &mut self,
        hashes: &[u64],
        key: impl Fn(usize) -> &'k K,
        out: &mut Vec<Slot>,
        mut added: impl FnMut(Slot),
    ) where
        K: 'k,
    {
        out.reserve(hashes.len());
        for (i, &hash) in hashes.iter().enumerate() {
            out.push(self.resolve(hash, key(i), &mut added));
        }
    }

    /// The key in a slot; also that of a row that was unlinked and not yet released.
    #[inline]
    pub fn key(&self, slot: Slot) -> Option<&K> {
        self.keys.get(slot.index())?.as_ref()
    }

    /// The hash of the key in a slot.
    pub fn hash(&self, slot: Slot) -> u64 {
        self.hashes.get(slot.index()).copied().unwrap_or(0)
    }

    /// The key is not found from now on; its slot is not used again before [`RowIndex::release`].
    pub fn unlink(&mut self, slot: Slot) {
        if let Ok(found) = self.table.find_entry(self.hash(slot), |&other| other == slot.0) {
            found.remove();
        }
    }

    /// Gives the slot of an unlinked key free.
    pub fn release(&mut self, slot: Slot) {
        if self.keys[slot.index()].take().is_some() {
            self.free.push(slot.0);
        }
    }

    /// Approximate size in bytes, without what keys own.
    pub fn bytes(&self) -> usize {
        self.table.capacity() * 5 + self.keys.capacity() * size_of::<Option<K>>() + self.hashes.capacity() * 8
    }

    #[cold]
    #[inline(never)]
    fn add(&mut self, hash: u64, key: &K) -> Slot {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.keys.push(None);
                self.hashes.push(0);
                u32::try_from(self.keys.len() - 1).expect("a worker has fewer than 2^32 keys")
            }
        };
        self.keys[slot as usize] = Some(key.clone());
        self.hashes[slot as usize] = hash;
        let hashes = self.hashes.as_slice();
        self.table.insert_unique(hash, slot, |&other| hashes[other as usize]);
        Slot(slot)
    }
}
