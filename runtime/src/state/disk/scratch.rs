//! Where rows go that do not fit into memory: an LSM tree in a scratch folder, one for each process.
//!
//! It is never the truth: that is the checkpoint. So nothing here is forced to the disk, and what a killed process has
//! left is removed by the next one, whether that needs a scratch folder or not.
use super::super::error::StateError;
use super::folder::{self, OwnFolder};
use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// The tree's cache of blocks and its write buffers, each as a part of the budget: an eighth, within bounds.
const PART: u64 = 8;
const PART_MIN: u64 = 1 << 20;
const PART_MAX: u64 = 256 << 20;

/// Where keyed state is while a job runs.
#[derive(Clone, Debug, Default)]
pub enum StateBackend {
    /// All of it in memory.
    #[default]
    Memory,
    /// What was used lately in memory, the rest on a local disk.
    Disk(Arc<Scratch>),
}

/// The memory budget of a process, and the folder for what exceeds it. Opened by the first operator that needs it.
pub struct Scratch {
    folder: PathBuf,
    /// For rows in memory, over all operators and workers, in bytes.
    budget: u64,
    /// For the tree's cache, and as much for its write buffers.
    part: u64,
    opened: Mutex<Option<Opened>>,
    stores: AtomicUsize,
    used: AtomicU64,
    names: AtomicU64,
}

/// The order counts: the trees are closed before their folder goes.
struct Opened {
    /// Trees of operators that are gone, empty: to make and delete one costs the more, the more there have been.
    spare: Vec<Keyspace>,
    database: Database,
    _folder: OwnFolder,
}

impl Scratch {
    /// Keeps about `memory` bytes in memory, and the rest in a folder of its own below `folder`.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, memory: u64) -> Arc<Self> {
        let part = (memory / PART).min(PART_MAX);
        Arc::new(Self {
            folder: folder.into(),
            budget: memory - 2 * part,
            part: part.max(PART_MIN),
            opened: Mutex::new(None),
            stores: AtomicUsize::new(0),
            used: AtomicU64::new(0),
            names: AtomicU64::new(0),
        })
    }

    /// Removes what processes that are gone have left below `folder`, as far as that is possible. A job does so at its start.
    pub fn remove_left(folder: &Path) {
        folder::remove_left(folder);
    }

    /// A place for the rows of one operator on one worker.
    pub(super) fn shelve(self: &Arc<Self>) -> Result<ColdRows, StateError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = match &mut *opened {
            Some(opened) => opened,
            none => none.insert(self.open()?),
        };
        let rows = match opened.spare.pop() {
            Some(rows) => rows,
            None => self.plant(&opened.database)?,
        };
        self.stores.fetch_add(1, Relaxed);
        Ok(ColdRows { rows, scratch: Arc::clone(self), used: 0, is_blank: true })
    }

    fn plant(&self, database: &Database) -> Result<Keyspace, StateError> {
        let name = self.names.fetch_add(1, Relaxed).to_string();
        let buffer = (self.part / 4).max(PART_MIN);
        let options = || KeyspaceCreateOptions::default().manual_journal_persist(true).max_memtable_size(buffer);
        database.keyspace(&name, options).map_err(|e| self.wrong(e))
    }

    fn open(&self) -> Result<Opened, StateError> {
        let folder = OwnFolder::make(&self.folder).map_err(|e| self.wrong(e))?;
        let builder = Database::builder(folder.path.join("rows")).cache_size(self.part).worker_threads(1);
        let database = builder.manual_journal_persist(true).open().map_err(|e| self.wrong(e))?;
        Ok(Opened { spare: Vec::new(), database, _folder: folder })
    }

    fn wrong(&self, e: impl fmt::Display) -> StateError {
        StateError::Scratch { folder: self.folder.display().to_string(), what: e.to_string() }
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scratch({}, {} bytes)", self.folder.display(), self.budget)
    }
}

/// The rows of one operator on one worker that are on the disk, by encoded key. Gone when dropped.
pub(super) struct ColdRows {
    rows: Keyspace,
    scratch: Arc<Scratch>,
    /// What this operator was last said to use in memory.
    used: u64,
    /// Whether no row was ever put.
    is_blank: bool,
}

/// Sees key and row; says whether to go on.
type RowVisitor<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<bool, StateError>;

impl ColdRows {
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<fjall::Slice>, StateError> {
        self.rows.get(key).map_err(|e| self.scratch.wrong(e))
    }

    pub(super) fn has(&self, key: &[u8]) -> Result<bool, StateError> {
        self.rows.contains_key(key).map_err(|e| self.scratch.wrong(e))
    }

    pub(super) fn put(&mut self, key: &[u8], row: &[u8]) -> Result<(), StateError> {
        self.is_blank = false;
        self.rows.insert(key, row).map_err(|e| self.scratch.wrong(e))
    }

    pub(super) fn remove(&self, key: &[u8]) -> Result<(), StateError> {
        self.rows.remove(key).map_err(|e| self.scratch.wrong(e))
    }

    /// Visits rows in the order of their keys, from behind `after` on, while the visitor says so.
    pub(super) fn visit(&self, after: Option<&[u8]>, visitor: RowVisitor<'_>) -> Result<(), StateError> {
        use std::ops::Bound::{Excluded, Unbounded};
        let range = (after.map_or(Unbounded, Excluded), Unbounded);
        for row in self.rows.range::<&[u8], _>(range) {
            let (key, row) = row.into_inner().map_err(|e| self.scratch.wrong(e))?;
            if !visitor(&key, &row)? {
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
        let share = self.scratch.budget / self.scratch.stores.load(Relaxed).max(1) as u64;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_shared() {
        let below = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(below.path(), 8_000);
        assert_eq!(scratch.budget, 6_000);
        let (mut one, mut two) = (scratch.shelve().unwrap(), scratch.shelve().unwrap());
        assert_eq!(one.excess(5_000), 0, "the other one uses nothing");
        assert_eq!(two.excess(2_000), 0, "it has no more than its share");
        assert_eq!(one.excess(5_000), 2_000 + 375);
        drop(two);
        assert_eq!(one.excess(5_000), 0);
    }
}
