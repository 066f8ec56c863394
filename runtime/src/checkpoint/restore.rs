//! Reads a checkpoint back, by operator and key groups.

use std::ops::Range;

use bytes::Bytes;

use super::entry::Entry;
use super::error::Result;
use super::manifest::Manifest;
use super::reader::{DataFile, next_group};
use super::section::SectionKind;
use super::store::StateStore;

/// An open checkpoint. The workers of a process share one.
#[derive(Debug)]
pub struct Snapshot {
    manifest: Manifest,
    /// As in the manifest, oldest to newest.
    files: Vec<DataFile>,
}

impl Snapshot {
    /// Opens every file that the manifest names, and verifies all of them but their blocks.
    pub async fn open(store: &StateStore, manifest: Manifest) -> Result<Self> {
        let mut files = Vec::with_capacity(manifest.files.len());
        for file in &manifest.files {
            files.push(DataFile::open(store, file).await?);
        }
        Ok(Self { manifest, files })
    }

    /// The manifest that was opened.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Gives every entry of the operator in these key groups to `apply`, with its group.
    ///
    /// Group by group, through all files: what there is of a key is near to each other. For each key in the order in which
    /// they were written, so that later entries win. Ends with the first error.
    pub async fn keyed(
        &self,
        uid: &str,
        groups: Range<u16>,
        apply: &mut dyn FnMut(u16, Entry<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut cursors: Vec<_> = self.files.iter().flat_map(|file| file.cursors(uid, &groups)).collect();
        while let Some(group) = next_group(&mut cursors).await? {
            for cursor in &mut cursors {
                while let Some(run) = cursor.next_run_of(group).await? {
                    for entry in run.entries(cursor.name()) {
                        apply(group, entry?)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The whole sections of this operator and kind that the checkpoint itself wrote: one for each worker that had one.
    pub async fn whole(&self, uid: &str, kind: SectionKind) -> Result<Vec<Vec<u8>>> {
        let mut found = Vec::new();
        for file in self.newest_files() {
            found.extend(file.read_whole(uid, kind).await?);
        }
        Ok(found)
    }

    /// How many whole sections [`Snapshot::whole`] would read.
    #[must_use]
    pub fn count_whole(&self, uid: &str, kind: SectionKind) -> usize {
        self.newest_files().map(|file| file.count_whole(uid, kind)).sum()
    }

    /// Reads one of the sections that [`Snapshot::whole`] would read, in chunks.
    pub async fn chunks(&self, uid: &str, kind: SectionKind, which: usize) -> Result<Vec<Bytes>> {
        let mut before = 0;
        for file in self.newest_files() {
            let count = file.count_whole(uid, kind);
            if which < before + count {
                return file.read_chunks(uid, kind, which - before).await;
            }
            before += count;
        }
        Ok(Vec::new())
    }

    /// The operators that have whole sections of this kind, sorted.
    #[must_use]
    pub fn uids(&self, kind: SectionKind) -> Vec<String> {
        let sections = self.newest_files().flat_map(DataFile::sections);
        let mut uids: Vec<_> = sections.filter(|(_, found)| *found == kind).map(|(uid, _)| uid.to_string()).collect();
        uids.sort_unstable();
        uids.dedup();
        uids
    }

    /// Reads every byte and every entry of every file.
    pub async fn verify(&self) -> Result<()> {
        for file in &self.files {
            file.verify().await?;
        }
        Ok(())
    }

    fn newest_files(&self) -> impl Iterator<Item = &DataFile> {
        let number = self.manifest.number;
        self.files
            .iter()
            .zip(&self.manifest.files)
            .filter(move |(_, named)| named.first == number)
            .map(|(file, _)| file)
    }
}
