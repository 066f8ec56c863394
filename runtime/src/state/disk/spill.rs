//! What changed and left memory before its checkpoint: the next snapshot begins with it.
use super::super::backend::EntrySink;
use crate::checkpoint::{Entries, Entry, EntryWriter};

/// A chunk is closed at this size, so that growing copies little.
const CHUNK: usize = 1 << 20;

/// Entries in the order in which they were written, each behind its group and its length.
#[derive(Default)]
pub(super) struct Spill {
    chunks: Vec<Vec<u8>>,
}

/// A place in a [`Spill`]: chunk and byte.
pub(super) type Place = (usize, usize);

impl Spill {
    fn write(&mut self, group: u16, write: impl FnOnce(&mut EntryWriter<'_>)) {
        if self.chunks.last().is_none_or(|chunk| chunk.len() >= CHUNK) {
            self.chunks.push(Vec::new());
        }
        let Some(chunk) = self.chunks.last_mut() else { return };
        chunk.extend_from_slice(&group.to_le_bytes());
        let at = chunk.len();
        chunk.extend_from_slice(&[0; 8]);
        write(&mut EntryWriter::new(chunk));
        let len = (chunk.len() - at - 8) as u64;
        chunk[at..at + 8].copy_from_slice(&len.to_le_bytes());
    }

    /// Appends what came later.
    pub(super) fn append(&mut self, mut later: Self) {
        self.chunks.append(&mut later.chunks);
    }

    /// Gives out at most `budget` entries from `from` on, counting both.
    pub(super) fn give(&self, from: &mut Place, budget: &mut usize, out: &mut dyn EntrySink) {
        while *budget > 0
            && let Some(chunk) = self.chunks.get(from.0)
        {
            let Some((group, entry, end)) = entry_at(chunk, from.1) else {
                *from = (from.0 + 1, 0);
                continue;
            };
            match entry {
                Entry::Put { column, key, sub, value } => out.put(group, column, key, sub, value),
                Entry::Delete { column, key, sub } => out.delete(group, column, key, sub),
                Entry::DeleteRow { key } => out.delete_row(group, key),
            }
            from.1 = end;
            *budget -= 1;
        }
    }
}

/// The entry at a place of a chunk, and where the next one begins.
fn entry_at(chunk: &[u8], at: usize) -> Option<(u16, Entry<'_>, usize)> {
    let (group, rest) = chunk.get(at..)?.split_first_chunk::<2>()?;
    let (len, rest) = rest.split_first_chunk::<8>()?;
    let len = u64::from_le_bytes(*len) as usize;
    let entry = Entries::new(rest.get(..len)?, "the spill", 0).next()?.ok()?;
    Some((u16::from_le_bytes(*group), entry, at + 10 + len))
}

impl EntrySink for Spill {
    fn put(&mut self, group: u16, column: u16, key: &[u8], sub: &[u8], value: &[u8]) {
        self.write(group, |to| to.put(column, key, sub, value));
    }

    fn delete(&mut self, group: u16, column: u16, key: &[u8], sub: &[u8]) {
        self.write(group, |to| to.delete(column, key, sub));
    }

    fn delete_row(&mut self, group: u16, key: &[u8]) {
        self.write(group, |to| to.delete_row(key));
    }
}
