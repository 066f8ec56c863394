//! What a snapshot writes, collected by key group until the checkpoint's file is written.
use super::backend::EntrySink;
use super::error::StateError;
use crate::checkpoint::{CheckpointError, EntryWriter, Grouped, Spool};

/// Collects entries. What cannot be taken is told by [`Changes::check`].
#[derive(Debug, Default)]
pub struct Changes {
    grouped: Grouped,
    /// The first that could not be taken.
    failed: Option<CheckpointError>,
}

impl Changes {
    /// Without entries; with a place for those that are too many for memory.
    #[must_use]
    pub fn spooled(spool: Spool) -> Self {
        Self { grouped: Grouped::spooled(spool), failed: None }
    }

    /// Whether all could be taken. Before a snapshot is called complete.
    ///
    /// # Errors
    /// Where an entry is too large, or there is no room on the disk.
    pub fn check(&mut self) -> Result<(), StateError> {
        self.failed.take().map_or(Ok(()), |e| Err(StateError::Changes(e.to_string())))
    }

    /// What was collected; nothing follows.
    ///
    /// # Errors
    /// As [`Changes::check`].
    pub fn finish(mut self) -> Result<Grouped, StateError> {
        let closed = self.grouped.close();
        self.note(closed);
        self.check()?;
        Ok(self.grouped)
    }

    /// Takes what is younger.
    pub(super) fn append(&mut self, later: Self) {
        let appended = self.grouped.append(later.grouped);
        self.note(appended.and(later.failed.map_or(Ok(()), Err)));
    }

    fn write(&mut self, group: u16, write: impl FnOnce(&mut EntryWriter<'_>)) {
        let pushed = self.grouped.push(group, write);
        self.note(pushed);
    }

    fn note(&mut self, done: Result<(), CheckpointError>) {
        if let Err(e) = done {
            self.failed.get_or_insert(e);
        }
    }
}

impl From<Grouped> for Changes {
    fn from(grouped: Grouped) -> Self {
        Self { grouped, failed: None }
    }
}

impl EntrySink for Changes {
    fn put(&mut self, group: u16, column: u16, key: &[u8], sub: &[u8], value: &[u8]) {
        self.write(group, |w| w.put(column, key, sub, value));
    }

    fn delete(&mut self, group: u16, column: u16, key: &[u8], sub: &[u8]) {
        self.write(group, |w| w.delete(column, key, sub));
    }

    fn delete_row(&mut self, group: u16, key: &[u8]) {
        self.write(group, |w| w.delete_row(key));
    }

    /// Without reading what is in a file.
    fn ahead(&mut self, earlier: &Grouped) -> Result<(), StateError> {
        let appended = self.grouped.append(earlier.clone());
        self.note(appended);
        self.check()
    }
}
