//! Reads data files. Nothing leaves here before its checksum was compared.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;

use super::entry::Entries;
use super::error::{CheckpointError, Result};
use super::file::{BLOCK_HEADER_LEN, FileRef};
use super::index::{BlockEntry, Index, SectionEntry, take};
use super::section::SectionKind;
use super::store::StateStore;
use super::trailer::read_index;

/// Blocks are read ahead up to this many bytes; at least one is.
const READ_AHEAD: u64 = 1 << 20;

/// An open data file: its index is read and verified, its blocks are not yet.
#[derive(Debug)]
pub struct DataFile {
    store: StateStore,
    object: String,
    index: Index,
}

/// Verified entries of one key group, to be read with [`Run::entries`].
#[derive(Debug, Clone)]
pub struct Run {
    /// The key group.
    pub group: u16,
    /// The encoded entries.
    pub bytes: Bytes,
    /// Where they lie in the file.
    pub at: u64,
}

impl Run {
    /// The entries, in the order they were pushed. `name` is used in errors.
    #[must_use]
    pub fn entries<'a>(&'a self, name: &'a str) -> Entries<'a> {
        Entries::new(&self.bytes, name, self.at)
    }
}

impl DataFile {
    /// Opens the file that a manifest names, and verifies all of it but the blocks.
    pub async fn open(store: &StateStore, file: &FileRef) -> Result<Self> {
        let index = read_index(store, file).await?;
        Ok(Self { store: store.clone(), object: file.object(), index })
    }

    /// The object's name in the state folder.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.object
    }

    /// The sections by uid and kind, in the order in which they count.
    pub fn sections(&self) -> impl Iterator<Item = (&str, SectionKind)> {
        self.index.sections.iter().map(|section| (section.uid.as_str(), section.kind))
    }

    /// Reads the entries of these groups, of every keyed section of this uid and kind, oldest section first.
    #[must_use]
    pub fn read_section<'f>(&'f self, uid: &str, kind: SectionKind, groups: Range<u16>) -> Cursor<'f> {
        let mut blocks = VecDeque::new();
        for section in self.matching(uid, kind).filter(|section| section.by_group) {
            blocks.extend(section.blocks_of(&groups));
        }
        Cursor { file: self, groups, blocks, runs: VecDeque::new() }
    }

    /// One cursor over these groups for each keyed section of this uid, oldest section first.
    pub(super) fn cursors<'f>(&'f self, uid: &str, groups: &Range<u16>) -> impl Iterator<Item = Cursor<'f>> {
        let keyed = self.matching(uid, SectionKind::Keyed).filter(|section| section.by_group);
        keyed.map(|section| {
            let blocks = section.blocks_of(groups).collect();
            Cursor { file: self, groups: groups.clone(), blocks, runs: VecDeque::new() }
        })
    }

    /// Reads the whole sections of this uid and kind, in order.
    pub async fn read_whole(&self, uid: &str, kind: SectionKind) -> Result<Vec<Vec<u8>>> {
        let mut found = Vec::new();
        for section in self.matching(uid, kind).filter(|section| !section.by_group) {
            let mut bytes = Vec::new();
            let mut blocks: VecDeque<_> = section.blocks.iter().copied().collect();
            while !blocks.is_empty() {
                for (_, payload) in self.read_blocks(&mut blocks).await? {
                    bytes.extend_from_slice(&payload);
                }
            }
            found.push(bytes);
        }
        Ok(found)
    }

    /// How many whole sections there are of this uid and kind.
    pub fn count_whole(&self, uid: &str, kind: SectionKind) -> usize {
        self.matching(uid, kind).filter(|section| !section.by_group).count()
    }

    /// Reads one of them, block by block and without joining the blocks.
    pub async fn read_chunks(&self, uid: &str, kind: SectionKind, which: usize) -> Result<Vec<Bytes>> {
        let mut chunks = Vec::new();
        if let Some(section) = self.matching(uid, kind).filter(|section| !section.by_group).nth(which) {
            let mut blocks: VecDeque<_> = section.blocks.iter().copied().collect();
            while !blocks.is_empty() {
                chunks.extend(self.read_blocks(&mut blocks).await?.into_iter().map(|(_, payload)| payload));
            }
        }
        Ok(chunks)
    }

    /// Reads every byte of the file and every entry in it.
    pub async fn verify(&self) -> Result<()> {
        for section in &self.index.sections {
            let mut blocks: VecDeque<_> = section.blocks.iter().copied().collect();
            while !blocks.is_empty() {
                for (block, payload) in self.read_blocks(&mut blocks).await? {
                    if section.by_group {
                        self.verify_entries(&block, &payload)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn verify_entries(&self, block: &BlockEntry, payload: &Bytes) -> Result<()> {
        for run in split_runs(&self.object, block, payload)? {
            run.entries(&self.object).try_for_each(|entry| entry.map(drop))?;
        }
        Ok(())
    }

    fn matching(&self, uid: &str, kind: SectionKind) -> impl Iterator<Item = &SectionEntry> {
        self.index.sections.iter().filter(move |section| section.uid == uid && section.kind == kind)
    }

    /// Takes the next blocks off the queue, up to the read-ahead, and gives their verified payloads.
    async fn read_blocks(&self, queue: &mut VecDeque<BlockEntry>) -> Result<Vec<(BlockEntry, Bytes)>> {
        let mut blocks = Vec::new();
        let mut total = 0;
        while let Some(block) = queue.pop_front_if(|block| total == 0 || total + u64::from(block.len) <= READ_AHEAD) {
            total += u64::from(block.len) + BLOCK_HEADER_LEN;
            blocks.push(block);
        }
        let range = |block: &BlockEntry| block.offset..block.offset + BLOCK_HEADER_LEN + u64::from(block.len);
        let ranges: Vec<_> = blocks.iter().map(range).collect();
        let bytes = self.store.get_ranges(&self.object, &ranges).await?;
        blocks.into_iter().zip(bytes).map(|(block, bytes)| Ok((block, self.check_block(&block, &bytes)?))).collect()
    }

    fn check_block(&self, block: &BlockEntry, bytes: &Bytes) -> Result<Bytes> {
        let corrupt = |what: &str| CheckpointError::corrupt(&self.object, block.offset, what);
        let mut rest = &bytes[..];
        let len = take(&mut rest).map(u32::from_le_bytes);
        let crc = take(&mut rest).map(u32::from_le_bytes);
        if len != Some(block.len) || rest.len() != block.len as usize {
            return Err(corrupt("the block has another length than the index says"));
        }
        if crc != Some(block.crc) || crc32c::crc32c(rest) != block.crc {
            return Err(corrupt("the block has another checksum"));
        }
        Ok(bytes.slice(BLOCK_HEADER_LEN as usize..))
    }
}

/// Goes through the entries of some sections by runs of one key group.
#[derive(Debug)]
pub struct Cursor<'f> {
    file: &'f DataFile,
    groups: Range<u16>,
    blocks: VecDeque<BlockEntry>,
    runs: VecDeque<Run>,
}

impl Cursor<'_> {
    /// The next run, verified, or `None` at the end.
    pub async fn next_run(&mut self) -> Result<Option<Run>> {
        self.load().await?;
        Ok(self.runs.pop_front())
    }

    /// The next run if it is of this group.
    pub(super) async fn next_run_of(&mut self, group: u16) -> Result<Option<Run>> {
        self.load().await?;
        Ok(self.runs.pop_front_if(|run| run.group == group))
    }

    /// The group of the next run.
    pub(super) async fn peek_group(&mut self) -> Result<Option<u16>> {
        self.load().await?;
        Ok(self.runs.front().map(|run| run.group))
    }

    /// The object's name, for errors.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.file.object
    }

    async fn load(&mut self) -> Result<()> {
        while self.runs.is_empty() && !self.blocks.is_empty() {
            for (block, payload) in self.file.read_blocks(&mut self.blocks).await? {
                let runs = split_runs(&self.file.object, &block, &payload)?;
                self.runs.extend(runs.into_iter().filter(|run| self.groups.contains(&run.group)));
            }
        }
        Ok(())
    }
}

/// The lowest group of which a cursor has something.
pub(super) async fn next_group(cursors: &mut [Cursor<'_>]) -> Result<Option<u16>> {
    let mut lowest = None;
    for cursor in cursors {
        let group = cursor.peek_group().await?;
        lowest = [lowest, group].into_iter().flatten().min();
    }
    Ok(lowest)
}

/// Cuts a block's payload into runs, and checks them against what the index says of the block.
fn split_runs(object: &str, block: &BlockEntry, payload: &Bytes) -> Result<Vec<Run>> {
    let mut runs: Vec<Run> = Vec::new();
    let mut rest = &payload[..];
    while !rest.is_empty() {
        let at = block.offset + BLOCK_HEADER_LEN + (payload.len() - rest.len()) as u64;
        let corrupt = |what: &str| CheckpointError::corrupt(object, at, what);
        let group = take(&mut rest).map(u16::from_le_bytes);
        let len = take(&mut rest).map(u32::from_le_bytes);
        let (Some(group), Some(len)) = (group, len) else {
            return Err(corrupt("the header of a key group is cut off"));
        };
        let bytes = rest.split_off(..len as usize).ok_or_else(|| corrupt("the entries of a key group are cut off"))?;
        if runs.last().map_or(block.groups.0 != group, |last| last.group >= group) {
            return Err(corrupt("the key groups are not as the index says"));
        }
        let bytes = payload.slice_ref(bytes);
        let start = payload.len() - rest.len() - bytes.len();
        runs.push(Run { group, bytes, at: block.offset + BLOCK_HEADER_LEN + start as u64 });
    }
    if runs.last().map(|run| run.group) != Some(block.groups.1) {
        return Err(CheckpointError::corrupt(object, block.offset, "the key groups are not as the index says"));
    }
    Ok(runs)
}
