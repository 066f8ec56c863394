//! Writes data files, block by block, and reads each back before anybody may name it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::error::{CheckpointError, Result};
use super::file::{
    BLOCK_HEADER_LEN, BLOCK_MAX, BLOCK_TARGET, DataName, FOOTER_MAGIC, FileRef, HEADER_LEN, INDEX_MAX, MAGIC,
    RUN_HEADER_LEN, VERSION,
};
use super::grouped::{Chunk, Piece};
use super::index::{BlockEntry, Index, SectionEntry};
use super::merged::Merged;
use super::reader::DataFile;
use super::section::{Body, Section, SectionKind};
use super::store::StateStore;
use super::upload::Upload;

/// How often a file is tried before its checkpoint fails.
const TRIES: u32 = 3;

/// The pause before the second try; it doubles.
const PAUSE: Duration = Duration::from_millis(200);

/// So many parts of what is in a file are read ahead of what is written.
const PARTS_AHEAD: usize = 2;

/// Writes the sections of one process for one checkpoint into one file, and verifies it.
///
/// A failed upload is tried again under a new nonce, a failed fsync never. The sections stay with the caller: those
/// of an abandoned checkpoint go, first, into the next one's file.
pub async fn write_file(store: &StateStore, name: &DataName, sections: &Arc<Vec<Section>>) -> Result<FileRef> {
    let order = Arc::new(sort(sections).await?);
    let mut name = name.clone();
    let mut pause = PAUSE;
    for attempt in 1.. {
        match write_once(store, &name, sections, &order).await {
            Err(CheckpointError::Store { doing, source }) if attempt < TRIES => {
                tracing::warn!("cannot {doing}, try {attempt} of {TRIES}: {source}");
                tokio::time::sleep(pause).await;
                pause *= 2;
                name = name.again();
            }
            done => return done,
        }
    }
    unreachable!("the last try returns")
}

async fn write_once(
    store: &StateStore,
    name: &DataName,
    sections: &Arc<Vec<Section>>,
    order: &[Vec<Piece>],
) -> Result<FileRef> {
    let mut writer = FileWriter::begin(store, name).await?;
    for (at, (section, pieces)) in sections.iter().zip(order).enumerate() {
        writer.begin_section(&section.uid, section.kind, matches!(section.body, Body::ByGroup(_)));
        match &section.body {
            Body::Whole(bytes) => writer.whole(bytes).await?,
            Body::Chunks(chunks) => {
                for chunk in chunks {
                    writer.chunk(chunk).await?;
                }
            }
            Body::ByGroup(grouped) if grouped.is_in_file() => spooled(&mut writer, sections, at).await?,
            Body::ByGroup(grouped) => {
                for piece in pieces {
                    writer.piece(piece.group, grouped.bytes(*piece)).await?;
                }
            }
        }
        writer.end_section().await?;
    }
    writer.finish(name.number, name.number).await
}

/// Writes a section of which most is in a file. That is read beside, no further than a few parts ahead.
async fn spooled(writer: &mut FileWriter, sections: &Arc<Vec<Section>>, at: usize) -> Result<()> {
    let (give, mut parts) = mpsc::channel(PARTS_AHEAD);
    let sections = Arc::clone(sections);
    let reading = tokio::task::spawn_blocking(move || read_parts(&sections[at], &give));
    while let Some(part) = parts.recv().await {
        for (group, bytes) in part.pieces() {
            writer.piece(group, bytes).await?;
        }
    }
    reading.await.map_err(|e| ended("read what waits for its checkpoint", e))?
}

/// Until all is read, or nobody wants more.
fn read_parts(section: &Section, give: &mpsc::Sender<Chunk>) -> Result<()> {
    let Body::ByGroup(grouped) = &section.body else { return Ok(()) };
    let mut merged = Merged::of(grouped)?;
    while let Some(part) = merged.next_part()? {
        if give.blocking_send(part).is_err() {
            break;
        }
    }
    Ok(())
}

/// Sorts every grouped section by group, away from the threads that serve requests.
async fn sort(sections: &Arc<Vec<Section>>) -> Result<Vec<Vec<Piece>>> {
    let sections = Arc::clone(sections);
    let sort = move || {
        let pieces = |section: &Section| match &section.body {
            Body::ByGroup(grouped) if !grouped.is_in_file() => grouped.sorted(),
            Body::ByGroup(_) | Body::Whole(_) | Body::Chunks(_) => Vec::new(),
        };
        sections.iter().map(pieces).collect()
    };
    tokio::task::spawn_blocking(sort).await.map_err(|e| ended("sort the sections of a checkpoint", e))
}

/// The runtime is shutting down: an attempt was ended.
fn ended(doing: &str, e: tokio::task::JoinError) -> CheckpointError {
    let source = object_store::Error::Generic { store: "millstream", source: Box::new(e) };
    CheckpointError::Store { doing: doing.into(), source }
}

/// Builds one data file. Only blocks and the index are in memory, never the file.
pub(super) struct FileWriter {
    store: StateStore,
    name: DataName,
    upload: Upload,
    index: Index,
    /// The payload of the open block.
    block: Vec<u8>,
    groups: (u16, u16),
    /// Where the open run begins in `block`.
    run: usize,
}

impl FileWriter {
    pub(super) async fn begin(store: &StateStore, name: &DataName) -> Result<Self> {
        let mut upload = Upload::new(store.clone(), name.object());
        upload.write(&MAGIC).await?;
        upload.write(&VERSION.to_le_bytes()).await?;
        debug_assert_eq!(upload.len(), HEADER_LEN);
        let (store, name) = (store.clone(), name.clone());
        Ok(Self { store, name, upload, index: Index::default(), block: Vec::new(), groups: (0, 0), run: 0 })
    }

    pub(super) fn begin_section(&mut self, uid: &str, kind: SectionKind, by_group: bool) {
        self.index.sections.push(SectionEntry { uid: uid.into(), kind, by_group, blocks: Vec::new() });
    }

    /// Appends entries of one group; groups must not descend within a section.
    pub(super) async fn piece(&mut self, group: u16, bytes: &[u8]) -> Result<()> {
        if !self.block.is_empty() && self.block.len() + bytes.len() > BLOCK_TARGET {
            self.close_block().await?;
        }
        if self.block.is_empty() {
            self.groups = (group, group);
            self.open_run(group);
        } else if self.groups.1 != group {
            assert!(self.groups.1 < group, "pieces come sorted by group");
            self.groups.1 = group;
            self.open_run(group);
        }
        self.block.extend_from_slice(bytes);
        let len = self.block.len() - self.run - RUN_HEADER_LEN;
        let len = u32::try_from(len).expect("a piece is below PIECE_MAX and a block closes at BLOCK_TARGET");
        self.block[self.run + 2..self.run + RUN_HEADER_LEN].copy_from_slice(&len.to_le_bytes());
        Ok(())
    }

    /// Appends bytes that are read back as one.
    pub(super) async fn whole(&mut self, bytes: &[u8]) -> Result<()> {
        for part in bytes.chunks(BLOCK_TARGET) {
            self.block.extend_from_slice(part);
            self.close_block().await?;
        }
        Ok(())
    }

    /// The same, of bytes that need no copy.
    async fn chunk(&mut self, chunk: &Bytes) -> Result<()> {
        for begin in (0..chunk.len()).step_by(BLOCK_TARGET) {
            let part = chunk.slice(begin..chunk.len().min(begin + BLOCK_TARGET));
            self.begin_block(&part).await?;
            self.upload.put(part).await?;
        }
        Ok(())
    }

    pub(super) async fn end_section(&mut self) -> Result<()> {
        if self.block.is_empty() { Ok(()) } else { self.close_block().await }
    }

    /// Writes index and footer, makes the file appear, and reads all of it back.
    pub(super) async fn finish(mut self, first: u64, last: u64) -> Result<FileRef> {
        let offset = self.upload.len();
        let index = self.index.encode();
        if index.len() > INDEX_MAX {
            let name = format!("the index of {}", self.upload.object());
            return Err(CheckpointError::TooLarge { name, len: index.len() as u64, max: INDEX_MAX as u64 });
        }
        let crc = crc32c::crc32c(&index);
        self.upload.write(&index).await?;
        self.upload.write(&offset.to_le_bytes()).await?;
        self.upload.write(&(index.len() as u32).to_le_bytes()).await?;
        self.upload.write(&crc.to_le_bytes()).await?;
        self.upload.write(&FOOTER_MAGIC).await?;
        let file = FileRef { name: self.name.to_string(), len: self.upload.len(), crc, first, last };
        self.upload.finish().await?;
        DataFile::open(&self.store, &file).await?.verify().await?;
        Ok(file)
    }

    fn open_run(&mut self, group: u16) {
        self.run = self.block.len();
        self.block.extend_from_slice(&group.to_le_bytes());
        self.block.extend_from_slice(&[0; 4]);
    }

    async fn close_block(&mut self) -> Result<()> {
        let block = std::mem::take(&mut self.block);
        self.begin_block(&block).await?;
        self.upload.write(&block).await?;
        self.block = block;
        self.block.clear();
        Ok(())
    }

    /// Puts a block into the index, and writes its header.
    async fn begin_block(&mut self, block: &[u8]) -> Result<()> {
        assert!(block.len() <= BLOCK_MAX, "a piece leaves room for its header");
        let len = u32::try_from(block.len()).expect("just compared");
        let crc = crc32c::crc32c(block);
        let section = self.index.sections.last_mut().expect("blocks are written inside sections");
        let groups = if section.by_group { self.groups } else { (0, 0) };
        section.blocks.push(BlockEntry { offset: self.upload.len(), len, crc, groups });
        let mut header = [0; BLOCK_HEADER_LEN as usize];
        header[..4].copy_from_slice(&len.to_le_bytes());
        header[4..].copy_from_slice(&crc.to_le_bytes());
        self.upload.write(&header).await
    }
}
