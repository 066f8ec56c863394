//! Entries by key group, as an operator hands them over: in memory, and in a file where they are too many.

use super::entry::{Entries, Entry, EntryWriter};
use super::error::{CheckpointError, Result};
use super::merged::Merged;
use super::section::KEY_GROUPS;
use super::spool::{HEADER_LEN, Spool, SpooledRun};

/// The largest piece (the entries of one `push`), in bytes; a block must have room for one.
pub const PIECE_MAX: usize = 63 << 20;

/// A new chunk is begun at this size, so that growing never copies more than this on the worker thread.
const CHUNK: usize = 1 << 20;

/// Pieces of one group that follow each other are joined up to this size.
const JOIN_MAX: u32 = 64 << 10;

/// Entries with their key groups, in any order. Pushing is cheap; sorting happens when the file is written.
///
/// One that is [`Grouped::spooled`] keeps a bounded part of them in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grouped {
    /// Older than what is in memory.
    pub(super) runs: Vec<SpooledRun>,
    chunks: Vec<Chunk>,
    pub(super) spool: Option<Spool>,
}

/// Some pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) bytes: Vec<u8>,
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

    /// Without entries, and with a place for those that are too many for memory.
    #[must_use]
    pub fn spooled(spool: Spool) -> Self {
        Self { spool: Some(spool), ..Self::default() }
    }

    /// Appends what `write` writes, all of it entries of keys in `group`. Entries of one key keep their order.
    ///
    /// Fails, and forgets the piece, if `group` is not below [`KEY_GROUPS`] or the piece exceeds [`PIECE_MAX`]. Fails if
    /// the file cannot be written.
    pub fn push(&mut self, group: u16, write: impl FnOnce(&mut EntryWriter<'_>)) -> Result<()> {
        if group >= KEY_GROUPS {
            return Err(CheckpointError::refused("a state entry", format!("{group} is not a key group")));
        }
        let full = self.spool.as_ref().map_or(CHUNK, |spool| spool.room().min(CHUNK));
        if self.chunks.last().is_none_or(|chunk| chunk.bytes.len() >= full) {
            if self.spool.as_ref().is_some_and(|spool| self.in_memory() >= spool.room()) {
                self.flush()?;
            }
            // Where there is a second one, it will be full: growing copies.
            let room = if self.chunks.is_empty() { 0 } else { full };
            self.chunks.push(Chunk { bytes: Vec::with_capacity(room), pieces: vec![] });
        }
        let chunk = self.chunks.last_mut().expect("one was pushed if there was none");
        chunk.push(group, write)
    }

    /// Appends everything in `other`, as younger than what is here.
    ///
    /// Fails if the file cannot be written.
    pub fn append(&mut self, mut other: Self) -> Result<()> {
        if self.spool.is_none() {
            self.spool = other.spool.take();
        }
        if !other.runs.is_empty() {
            self.flush()?;
        }
        self.runs.append(&mut other.runs);
        self.chunks.append(&mut other.chunks);
        Ok(())
    }

    /// Nothing follows: what has a file goes there as a whole.
    ///
    /// Fails if the file cannot be written.
    pub fn close(&mut self) -> Result<()> {
        if self.runs.is_empty() { Ok(()) } else { self.flush() }
    }

    /// The size of all entries, in bytes.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.runs.iter().map(|run| run.len() as usize).sum::<usize>() + self.in_memory()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len_bytes() == 0
    }

    /// Gives every entry to `visit`, with its group: by group, those of one key in the order in which they were pushed.
    ///
    /// Fails if the file cannot be read, or is not as it was written.
    pub fn for_each(&self, visit: &mut dyn FnMut(u16, Entry<'_>)) -> Result<()> {
        let mut merged = Merged::of(self)?;
        while let Some(part) = merged.next_part()? {
            for (group, bytes) in part.pieces() {
                for entry in Entries::new(bytes, "what waits for its checkpoint", 0) {
                    visit(group, entry?);
                }
            }
        }
        Ok(())
    }

    /// The bytes that are in memory.
    fn in_memory(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.bytes.len()).sum()
    }

    /// Whether some of it is in a file.
    pub(super) fn is_in_file(&self) -> bool {
        !self.runs.is_empty()
    }

    /// All pieces in memory by group; pieces of one group in the order they were pushed.
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
        piece.of(&self.chunks)
    }

    /// Writes what is in memory to the file, if there is to be one.
    fn flush(&mut self) -> Result<()> {
        let pieces = self.sorted();
        let Some(spool) = self.spool.as_mut().filter(|_| !pieces.is_empty()) else { return Ok(()) };
        let run = write(spool, &self.chunks, &pieces)?;
        self.runs.push(run);
        self.chunks.clear();
        Ok(())
    }
}

fn write(spool: &mut Spool, chunks: &[Chunk], pieces: &[Piece]) -> Result<SpooledRun> {
    let len: usize = pieces.iter().map(|piece| HEADER_LEN + piece.of(chunks).len()).sum();
    let mut run = spool.begin(len as u64)?;
    for piece in pieces {
        run.piece(piece.group, piece.of(chunks))?;
    }
    run.finish()
}

impl Piece {
    fn of(self, chunks: &[Chunk]) -> &[u8] {
        &chunks[self.chunk as usize].bytes[self.start as usize..self.end as usize]
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
        self.end(group);
        Ok(())
    }

    /// What was written behind the last piece is one of this group, or belongs to the last.
    pub(super) fn end(&mut self, group: u16) {
        let end = u32::try_from(self.bytes.len()).expect("a chunk and a piece together stay below 4 GiB");
        let before = self.pieces.len().checked_sub(2).map_or(0, |i| self.pieces[i].1);
        match self.pieces.last_mut() {
            Some(last) if last.0 == group && end - before <= JOIN_MAX => last.1 = end,
            _ => self.pieces.push((group, end)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(super) fn pieces(&self) -> impl Iterator<Item = (u16, &[u8])> {
        let starts = std::iter::once(0).chain(self.pieces.iter().map(|(_, end)| *end as usize));
        let pieces = self.pieces.iter().zip(starts);
        pieces.map(|((group, end), start)| (*group, &self.bytes[start..*end as usize]))
    }
}
