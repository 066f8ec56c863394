//! What an operator hands over for a checkpoint, collected on the worker and put in order elsewhere.

use super::entry::EntryWriter;
use super::error::{CheckpointError, Result};
pub use crate::codec::KEY_GROUPS;
use bytes::Bytes;

/// The largest piece (the entries of one `push`), in bytes; a block must have room for one.
pub const PIECE_MAX: usize = 63 << 20;

/// A new chunk is begun at this size, so that growing never copies more than this on the worker thread.
const CHUNK: usize = 1 << 20;

/// Pieces of one group that follow each other are joined up to this size.
const JOIN_MAX: u32 = 64 << 10;

/// What a section is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum SectionKind {
    /// Changes of keyed state. Ordinals are on disk: never renumber.
    Keyed = 1,
    /// Offsets of a source's splits.
    Splits = 2,
    /// What a sink has staged and must commit.
    Staged = 3,
    /// An operator's own marks: watermarks, calls in flight.
    Operator = 4,
    /// Output that a sink has written ahead: one section for each of its committables, in their order.
    Bulk = 5,
}

impl SectionKind {
    /// The kind with this ordinal.
    #[must_use]
    pub fn from_ordinal(ordinal: u8) -> Option<Self> {
        [Self::Keyed, Self::Splits, Self::Staged, Self::Operator, Self::Bulk]
            .into_iter()
            .find(|kind| *kind as u8 == ordinal)
    }
}

/// A part of a checkpoint. Several sections of one uid and kind may stand in one file; their order counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The operator.
    pub uid: String,
    /// What the section is for.
    pub kind: SectionKind,
    /// The bytes.
    pub body: Body,
}

impl Section {
    /// A section that is read back as one piece of bytes.
    #[must_use]
    pub fn whole(uid: impl Into<String>, kind: SectionKind, bytes: Vec<u8>) -> Self {
        Self { uid: uid.into(), kind, body: Body::Whole(bytes) }
    }

    /// A section of keyed state.
    #[must_use]
    pub fn keyed(uid: impl Into<String>, grouped: Grouped) -> Self {
        Self { uid: uid.into(), kind: SectionKind::Keyed, body: Body::ByGroup(grouped) }
    }
}

/// The bytes of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Opaque bytes, read back as they are.
    Whole(Vec<u8>),
    /// The same in chunks that somebody else holds, too.
    Chunks(Vec<Bytes>),
    /// Entries by key group.
    ByGroup(Grouped),
}

/// Entries with their key groups, in any order. Pushing is cheap; sorting happens when the file is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grouped {
    chunks: Vec<Chunk>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Chunk {
    bytes: Vec<u8>,
    /// (group, end in `bytes`); a piece starts where the one before ends.
    pieces: Vec<(u16, u32)>,
}

/// Where the bytes of one piece lie in a [`Grouped`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) group: u16,
    chunk: u32,
    start: u32,
    end: u32,
}

impl Grouped {
    /// Without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends what `write` writes, all of it entries of keys in `group`. Entries of one key keep their order.
    ///
    /// Fails, and forgets the piece, if `group` is not below [`KEY_GROUPS`] or the piece exceeds [`PIECE_MAX`].
    pub fn push(&mut self, group: u16, write: impl FnOnce(&mut EntryWriter<'_>)) -> Result<()> {
        if group >= KEY_GROUPS {
            return Err(CheckpointError::refused("a state entry", format!("{group} is not a key group")));
        }
        if self.chunks.last().is_none_or(|chunk| chunk.bytes.len() >= CHUNK) {
            self.chunks.push(Chunk::default());
        }
        let chunk = self.chunks.last_mut().expect("one was pushed if there was none");
        chunk.push(group, write)
    }

    /// Appends everything in `other`, as younger than what is here.
    pub fn append(&mut self, mut other: Self) {
        self.chunks.append(&mut other.chunks);
    }

    /// The size of all entries, in bytes.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.bytes.len()).sum()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chunks.iter().all(|chunk| chunk.bytes.is_empty())
    }

    /// All pieces by group; pieces of one group in the order they were pushed.
    pub(super) fn sorted(&self) -> Vec<Piece> {
        let mut pieces = Vec::with_capacity(self.chunks.iter().map(|chunk| chunk.pieces.len()).sum());
        for (number, chunk) in self.chunks.iter().enumerate() {
            let number = u32::try_from(number).expect("memory ends before 2^32 chunks of a mebibyte");
            let mut start = 0;
            for &(group, end) in &chunk.pieces {
                pieces.push(Piece { group, chunk: number, start, end });
                start = end;
            }
        }
        pieces.sort_by_key(|piece| piece.group);
        pieces
    }

    pub(super) fn bytes(&self, piece: Piece) -> &[u8] {
        let chunk = &self.chunks[piece.chunk as usize];
        &chunk.bytes[piece.start as usize..piece.end as usize]
    }
}

impl Chunk {
    fn push(&mut self, group: u16, write: impl FnOnce(&mut EntryWriter<'_>)) -> Result<()> {
        let start = self.bytes.len();
        write(&mut EntryWriter::new(&mut self.bytes));
        let len = self.bytes.len() - start;
        if len == 0 {
            return Ok(());
        }
        if len > PIECE_MAX {
            self.bytes.truncate(start);
            let name = format!("the state of one key in key group {group}");
            return Err(CheckpointError::TooLarge { name, len: len as u64, max: PIECE_MAX as u64 });
        }
        let end = u32::try_from(self.bytes.len()).expect("a chunk and a piece together stay below 4 GiB");
        let before = self.pieces.len().checked_sub(2).map_or(0, |i| self.pieces[i].1);
        match self.pieces.last_mut() {
            Some(last) if last.0 == group && end - before <= JOIN_MAX => last.1 = end,
            _ => self.pieces.push((group, end)),
        }
        Ok(())
    }
}
