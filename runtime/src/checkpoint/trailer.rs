//! Finds and verifies the index of a data file: everything in the file but its blocks.

use std::ops::Range;

use bytes::Bytes;

use super::error::{CheckpointError, Result};
use super::file::{
    BLOCK_HEADER_LEN, BLOCK_MAX, FOOTER_LEN, FOOTER_MAGIC, FileRef, HEADER_LEN, INDEX_MAX, MAGIC, VERSION,
};
use super::index::{Index, take};
use super::store::StateStore;

/// How much of the end of a file is read at first, in the hope that the index is inside.
const TAIL: u64 = 64 << 10;

/// Reads header, index and footer of the file that a manifest names.
pub(super) async fn read_index(store: &StateStore, file: &FileRef) -> Result<Index> {
    let object = file.object();
    check_header(store, &object, file).await?;
    let start = file.len.saturating_sub(TAIL).max(HEADER_LEN);
    let tail = one(store, &object, start..file.len).await?;
    let range = read_footer(&tail, &object, file)?;
    let bytes = if range.start >= start {
        tail.slice((range.start - start) as usize..(range.end - start) as usize)
    } else {
        one(store, &object, range.clone()).await?
    };
    if crc32c::crc32c(&bytes) != file.crc {
        return Err(CheckpointError::corrupt(object, range.start, "the index has another checksum"));
    }
    let index =
        Index::decode(&bytes).map_err(|(at, what)| CheckpointError::corrupt(&object, range.start + at as u64, what))?;
    check_blocks(&index, &object, range.start)?;
    Ok(index)
}

async fn one(store: &StateStore, object: &str, range: Range<u64>) -> Result<Bytes> {
    let len = range.end - range.start;
    let at = range.start;
    match store.get_ranges(object, &[range]).await?.pop() {
        Some(bytes) if bytes.len() as u64 == len => Ok(bytes),
        _ => Err(CheckpointError::corrupt(object, at, format!("fewer than {len} bytes could be read"))),
    }
}

async fn check_header(store: &StateStore, object: &str, file: &FileRef) -> Result<()> {
    let Some((header, len)) = store.get_head(object, HEADER_LEN).await? else {
        let what = "a manifest names it; restore another checkpoint, or put the file back".into();
        return Err(CheckpointError::Missing { name: object.into(), what });
    };
    if len != file.len || len < HEADER_LEN + FOOTER_LEN {
        let what = format!("it has {len} bytes, its manifest says {}", file.len);
        return Err(CheckpointError::corrupt(object, len.min(file.len), what));
    }
    let mut rest = &header[..];
    if take(&mut rest) != Some(MAGIC) {
        return Err(CheckpointError::corrupt(object, 0, "it does not begin like a data file"));
    }
    match take(&mut rest).map(u32::from_le_bytes) {
        Some(VERSION) => Ok(()),
        found => {
            let found = found.map_or("none".into(), |version| version.to_string());
            let what =
                format!("its format version is {found}, this build reads {VERSION}: use the build that wrote it");
            Err(CheckpointError::corrupt(object, MAGIC.len() as u64, what))
        }
    }
}

/// Where the index lies. Every field of the footer is compared with what is known otherwise.
fn read_footer(tail: &Bytes, object: &str, file: &FileRef) -> Result<Range<u64>> {
    let at = file.len - FOOTER_LEN;
    let corrupt = |what: &str| CheckpointError::corrupt(object, at, what);
    let mut rest = tail.len().checked_sub(FOOTER_LEN as usize).map(|start| &tail[start..]).unwrap_or_default();
    let offset = take(&mut rest).map(u64::from_le_bytes).ok_or_else(|| corrupt("the footer is cut off"))?;
    let len = take(&mut rest).map(u32::from_le_bytes).ok_or_else(|| corrupt("the footer is cut off"))?;
    let crc = take(&mut rest).map(u32::from_le_bytes);
    if rest != FOOTER_MAGIC {
        return Err(corrupt("it does not end like a data file"));
    }
    if crc != Some(file.crc) {
        return Err(corrupt("the index has another checksum than the manifest says"));
    }
    if len as usize > INDEX_MAX || offset < HEADER_LEN || offset.checked_add(u64::from(len)) != Some(at) {
        return Err(corrupt("the index does not lie in front of the footer"));
    }
    Ok(offset..at)
}

/// Blocks must fill the file from header to index, so that no byte of it belongs to nothing.
fn check_blocks(index: &Index, object: &str, end: u64) -> Result<()> {
    let mut at = HEADER_LEN;
    for block in index.sections.iter().flat_map(|section| &section.blocks) {
        if block.offset != at || block.len as usize > BLOCK_MAX || block.len == 0 {
            return Err(CheckpointError::corrupt(object, block.offset, "the index names an impossible block"));
        }
        at += BLOCK_HEADER_LEN + u64::from(block.len);
    }
    if at != end {
        return Err(CheckpointError::corrupt(object, at, "there are bytes that belong to no block"));
    }
    Ok(())
}
