//! The removal of what outlived its TTL on the disk.
use super::super::backend::{Backend, Columns};
use super::super::error::StateError;
use super::Disk;
use crate::checkpoint::{Entries, Entry};
use crate::codec::{decode, hash_bytes};
use crate::data::Key;

impl<K: Key> Disk<K> {
    /// Looks at some rows on the disk, and brings those back in which something is too old, for it to be removed.
    pub(super) fn expire_cold(&mut self, columns: Columns<'_, '_>, rows: usize) -> Result<(), StateError> {
        let ttls: Vec<Option<i64>> = columns.iter().map(|column| column.ttl()).collect();
        if self.asleep + self.hollow == 0 || ttls.iter().all(Option::is_none) {
            return Ok(());
        }
        let (now, mut left, mut last, mut old) = (self.memory.cursor().now().0, rows, None, Vec::new());
        self.cold.visit(self.swept.as_deref(), &mut |key, row| {
            if has_expired(row, &ttls, now) {
                old.push(key.to_vec());
            }
            last = Some(key.to_vec());
            left -= 1;
            Ok(left > 0)
        })?;
        self.swept = last.filter(|_| left == 0);
        for key in old {
            let (hash, decoded): (u64, K) = (hash_bytes(&key), decode(&key).map_err(StateError::Key)?);
            let slot = match self.memory.find(hash, &decoded) {
                Some(slot) if !self.warmth.is_hollow(slot) => continue,
                Some(slot) => slot,
                None => {
                    let slot = self.memory.resolve(hash, &decoded);
                    self.warmth.begin(slot);
                    slot
                }
            };
            self.wake(columns, slot, &key)?;
            columns.iter_mut().for_each(|column| column.expire_row(slot));
        }
        Ok(())
    }
}

/// Whether a cell of an encoded row was not written for its column's TTL.
fn has_expired(row: &[u8], ttls: &[Option<i64>], now: i64) -> bool {
    Entries::new(row, "a row on the disk", 0).flatten().any(|entry| {
        let Entry::Put { column, value, .. } = entry else { return false };
        let ttl = ttls.get(usize::from(column)).copied().flatten();
        let written = value.first_chunk::<8>().map(|written| i64::from_le_bytes(*written));
        ttl.zip(written).is_some_and(|(ttl, written)| written.saturating_add(ttl) <= now)
    })
}
