//! The rows of one operator on one worker that are on the disk: a tree of the scratch folder's.
use super::super::error::StateError;
use super::scratch::Scratch;
use crate::checkpoint::Spool;
use crate::codec::{hash_bytes, key_group};
use fjall::Keyspace;
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// What a row takes in a write buffer, beside its bytes.
const ENTRY: u64 = 64;
/// Where so many full write buffers of an operator wait for the disk, who writes rows waits, too.
const FULL_MAX: usize = 3;
/// How often that is looked at, and for how long at most: then the tree says what is wrong, or waits by itself.
const LOOK: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(30);

/// A key's group stands in front of it.
const GROUP_LEN: usize = 2;

/// A key as the tree has it. A restore brings keys by their groups: so what it writes comes sorted, and has not to be merged.
fn in_tree(key: &[u8]) -> Vec<u8> {
    let group = key_group(hash_bytes(key)).to_be_bytes();
    [&group, key].concat()
}

/// The rows of one operator on one worker that are on the disk, by encoded key. Gone when dropped.
pub(super) struct ColdRows {
    rows: Keyspace,
    scratch: Arc<Scratch>,
    /// For files beside the tree.
    folder: PathBuf,
    /// Bytes in the write buffer.
    unsealed: u64,
    /// What this operator was last said to use in memory.
    used: u64,
    /// Whether no row was ever put.
    is_blank: bool,
}

/// Sees key and row; says whether to go on.
type RowVisitor<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<bool, StateError>;

impl ColdRows {
    pub(super) fn new(rows: Keyspace, scratch: Arc<Scratch>, folder: PathBuf) -> Self {
        Self { rows, scratch, folder, used: 0, unsealed: 0, is_blank: true }
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<fjall::Slice>, StateError> {
        self.rows.get(in_tree(key)).map_err(|e| self.scratch.wrong(e))
    }

    pub(super) fn has(&self, key: &[u8]) -> Result<bool, StateError> {
        self.rows.contains_key(in_tree(key)).map_err(|e| self.scratch.wrong(e))
    }

    pub(super) fn put(&mut self, key: &[u8], row: &[u8]) -> Result<(), StateError> {
        self.is_blank = false;
        self.rows.insert(in_tree(key), row).map_err(|e| self.scratch.wrong(e))?;
        self.wrote(key.len() + row.len())
    }

    pub(super) fn remove(&mut self, key: &[u8]) -> Result<(), StateError> {
        self.rows.remove(in_tree(key)).map_err(|e| self.scratch.wrong(e))?;
        self.wrote(key.len())
    }

    /// Seals the write buffer once it is full, and waits where too many are.
    fn wrote(&mut self, bytes: usize) -> Result<(), StateError> {
        self.unsealed += bytes as u64 + ENTRY;
        if self.unsealed < self.scratch.buffer() {
            return Ok(());
        }
        self.unsealed = 0;
        self.rows.rotate_memtable().map_err(|e| self.scratch.wrong(e))?;
        let began = Instant::now();
        while self.rows.sealed_memtable_count() >= FULL_MAX && began.elapsed() < PATIENCE {
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// A place for changes that wait for their checkpoint.
    pub(super) fn spool(&self) -> Spool {
        Spool::new(&self.folder, self.scratch.waiting() as usize)
    }

    /// Visits rows by key group, from behind the key `after` on, while the visitor says so.
    pub(super) fn visit(&self, after: Option<&[u8]>, visitor: RowVisitor<'_>) -> Result<(), StateError> {
        use std::ops::Bound::{Excluded, Unbounded};
        let range = (after.map_or(Unbounded, |key| Excluded(in_tree(key))), Unbounded);
        for row in self.rows.range(range) {
            let (key, row) = row.into_inner().map_err(|e| self.scratch.wrong(e))?;
            if !visitor(key.get(GROUP_LEN..).unwrap_or_default(), &row)? {
                break;
            }
        }
        Ok(())
    }

    /// How many bytes the operator has to give back, now that its rows in memory take `used`: nothing while all operators
    /// together keep the budget, or while this one has no more than its share.
    pub(super) fn excess(&mut self, used: u64) -> u64 {
        let all = if used >= self.used {
            self.scratch.used.fetch_add(used - self.used, Relaxed) + (used - self.used)
        } else {
            self.scratch.used.fetch_sub(self.used - used, Relaxed) - (self.used - used)
        };
        self.used = used;
        let share = self.scratch.budget / self.scratch.stores().max(1);
        if all <= self.scratch.budget || used <= share {
            return 0;
        }
        // More than is needed, so that it is needed seldom.
        (used - share + share / 8).min(used)
    }
}

impl Drop for ColdRows {
    fn drop(&mut self) {
        self.scratch.used.fetch_sub(self.used, Relaxed);
        self.scratch.stores.fetch_sub(1, Relaxed);
        if !self.is_blank
            && let Err(e) = self.rows.clear()
        {
            tracing::debug!("rows on the disk stay until the end of the process: {e}");
            return;
        }
        let mut opened = self.scratch.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = &mut *opened {
            opened.spare.push(self.rows.clone());
        }
    }
}
