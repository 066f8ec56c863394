//! Merges data files, so that a restore reads a bounded number of them. `plan` decides, `merge` does.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;

use super::entry::{Entry, EntryWriter};
use super::error::{CheckpointError, Result};
use super::file::{DataName, FileRef};
use super::reader::{Cursor, DataFile, Run, next_group};
use super::section::{KEY_GROUPS, SectionKind};
use super::store::StateStore;
use super::writer::FileWriter;

/// A list of more files than this is merged.
pub const FILES_MAX: usize = 8;

/// So many files, or more, are merged at once where their sizes allow it.
const TIER: usize = 3;

/// Which files to merge, by their sizes in bytes, oldest to newest; `None` while there are at most [`FILES_MAX`].
///
/// The oldest file that is no larger than all newer ones together is merged with all of them. So a byte is written again
/// only when it lands in a file at least twice as large as its own, and a large old file is left alone: 10,000 equal
/// files cost about ten times their bytes.
#[must_use]
pub fn plan(sizes: &[u64]) -> Option<Range<usize>> {
    if sizes.len() <= FILES_MAX {
        return None;
    }
    let mut newer = 0u64;
    let mut start = None;
    for (i, &size) in sizes.iter().enumerate().rev() {
        if size <= newer && sizes.len() - i >= TIER {
            start = Some(i);
        }
        newer = newer.saturating_add(size);
    }
    if let Some(start) = start {
        return Some(start..sizes.len());
    }
    // Sizes fall too steeply: the cheapest neighbours that bring the list back to its limit.
    let width = sizes.len() - FILES_MAX + 1;
    let cost = |start: usize| sizes[start..start + width].iter().fold(0u64, |sum, size| sum.saturating_add(*size));
    let start = (0..=sizes.len() - width).min_by_key(|&start| cost(start))?;
    Some(start..start + width)
}

/// Writes one file that stands for `files` (oldest to newest, neighbours in a manifest) in every later manifest.
///
/// Only keyed sections are taken: the others count in the checkpoint that wrote them alone. `name` is that of the
/// checkpoint which comes next. `drop_tombstones` only if no older file remains in front of `files`.
pub async fn merge(store: &StateStore, name: &DataName, files: &[FileRef], drop_tombstones: bool) -> Result<FileRef> {
    let (Some(oldest), Some(newest)) = (files.first(), files.last()) else {
        return Err(CheckpointError::refused(name.object(), "there is nothing to merge"));
    };
    let mut open = Vec::with_capacity(files.len());
    for file in files {
        open.push(DataFile::open(store, file).await?);
    }
    let mut writer = FileWriter::begin(store, name).await?;
    for uid in keyed_uids(&open) {
        writer.begin_section(&uid, SectionKind::Keyed, true);
        let mut cursors: Vec<_> = open.iter().flat_map(|file| file.cursors(&uid, &(0..KEY_GROUPS))).collect();
        while let Some(group) = next_group(&mut cursors).await? {
            let merged = merge_group(&mut cursors, group).await?;
            write_group(&mut writer, group, &merged, drop_tombstones).await?;
        }
        writer.end_section().await?;
    }
    writer.finish(oldest.first, newest.last).await
}

fn keyed_uids(files: &[DataFile]) -> Vec<String> {
    let sections = files.iter().flat_map(DataFile::sections);
    let mut uids: Vec<_> =
        sections.filter(|(_, kind)| *kind == SectionKind::Keyed).map(|(uid, _)| uid.to_string()).collect();
    uids.sort_unstable();
    uids.dedup();
    uids
}

/// Everything of one group, oldest to newest. The largest group is what a merge holds in memory.
async fn merge_group(cursors: &mut [Cursor<'_>], group: u16) -> Result<BTreeMap<Bytes, Row>> {
    let mut rows = BTreeMap::new();
    for cursor in cursors {
        while let Some(run) = cursor.next_run_of(group).await? {
            apply_run(&mut rows, &run, cursor.name())?;
        }
    }
    Ok(rows)
}

/// What is left of one key.
#[derive(Debug, Default)]
struct Row {
    /// A `DeleteRow` was met, so nothing of older files survives.
    deleted: bool,
    /// By column and sub-key; `None` is a deleted cell.
    cells: BTreeMap<(u16, Bytes), Option<Bytes>>,
}

fn apply_run(rows: &mut BTreeMap<Bytes, Row>, run: &Run, name: &str) -> Result<()> {
    for entry in run.entries(name) {
        let entry = entry?;
        let row = rows.entry(run.bytes.slice_ref(entry.key())).or_default();
        match entry {
            Entry::Put { column, sub, value, .. } => {
                row.cells.insert((column, run.bytes.slice_ref(sub)), Some(run.bytes.slice_ref(value)));
            }
            Entry::Delete { column, sub, .. } => {
                row.cells.insert((column, run.bytes.slice_ref(sub)), None);
            }
            Entry::DeleteRow { .. } => {
                row.cells.clear();
                row.deleted = true;
            }
        }
    }
    Ok(())
}

async fn write_group(
    writer: &mut FileWriter,
    group: u16,
    rows: &BTreeMap<Bytes, Row>,
    drop_tombstones: bool,
) -> Result<()> {
    let mut piece = Vec::new();
    for (key, row) in rows {
        if row.deleted && !drop_tombstones {
            EntryWriter::new(&mut piece).delete_row(key);
        }
        for ((column, sub), value) in &row.cells {
            match value {
                Some(value) => EntryWriter::new(&mut piece).put(*column, key, sub, value),
                // Behind a deleted row there is nothing left to delete.
                None if drop_tombstones || row.deleted => continue,
                None => EntryWriter::new(&mut piece).delete(*column, key, sub),
            }
            writer.piece(group, &piece).await?;
            piece.clear();
        }
        if !piece.is_empty() {
            writer.piece(group, &piece).await?;
            piece.clear();
        }
    }
    Ok(())
}
