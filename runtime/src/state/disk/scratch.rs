//! Where rows go that do not fit into memory: an LSM tree in a scratch folder, one for each process.
//!
//! It is never the truth: that is the checkpoint. So nothing here is forced to the disk, and what a killed process has
//! left is removed by the next one, whether that needs a scratch folder or not.
use super::super::error::StateError;
use super::cold::ColdRows;
use super::folder::{self, OwnFolder};
use fjall::config::PartitioningPolicy;
use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// The tree's cache of blocks and its write buffers as parts of the budget, within bounds. Each buffer that is full makes the
/// tree force files to the disk, so small ones cost more than what a larger cache saves.
const CACHE_PART: u64 = 8;
const BUFFERS_PART: u64 = 4;
const PART_MIN: u64 = 1 << 20;
const PART_MAX: u64 = 256 << 20;

/// What changes of one operator wait in memory for their checkpoint, as a part of the budget over all operators; the rest
/// waits in a file.
const WAITING_PART: u64 = 64;
const WAITING_MIN: u64 = 64 << 10;
const WAITING_MAX: u64 = 4 << 20;

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
    pub(super) budget: u64,
    /// For the tree's cache of blocks.
    cache: u64,
    /// For its write buffers.
    buffers: u64,
    pub(super) opened: Mutex<Option<Opened>>,
    pub(super) stores: AtomicUsize,
    pub(super) used: AtomicU64,
    names: AtomicU64,
}

/// The order counts: the trees are closed before their folder goes.
pub(super) struct Opened {
    /// Trees of operators that are gone, empty: to make and delete one costs the more, the more there have been.
    pub(super) spare: Vec<Keyspace>,
    database: Database,
    folder: OwnFolder,
}

impl Scratch {
    /// Keeps about `memory` bytes in memory, and the rest in a folder of its own below `folder`.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, memory: u64) -> Arc<Self> {
        let [cache, buffers] = [CACHE_PART, BUFFERS_PART].map(|part| (memory / part).min(PART_MAX));
        Arc::new(Self {
            folder: folder.into(),
            budget: memory - cache - buffers,
            cache: cache.max(PART_MIN),
            buffers: buffers.max(PART_MIN),
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
        let folder = opened.folder.path.clone();
        let rows = match opened.spare.pop() {
            Some(rows) => rows,
            None => self.plant(&opened.database)?,
        };
        self.stores.fetch_add(1, Relaxed);
        Ok(ColdRows::new(rows, Arc::clone(self), folder))
    }

    fn plant(&self, database: &Database) -> Result<Keyspace, StateError> {
        let name = self.names.fetch_add(1, Relaxed).to_string();
        let options = || {
            KeyspaceCreateOptions::default()
                .manual_journal_persist(true)
                // Sealed by us: the tree asks a thread for it that may be merging for seconds, and goes on writing meanwhile.
                .max_memtable_size(u64::MAX)
                // In parts: as a whole, those of a large table are megabytes that a small cache reads again for each key.
                .filter_block_partitioning_policy(PartitioningPolicy::all(true))
                .index_block_partitioning_policy(PartitioningPolicy::all(true))
        };
        database.keyspace(&name, options).map_err(|e| self.wrong(e))
    }

    fn open(&self) -> Result<Opened, StateError> {
        let folder = OwnFolder::make(&self.folder).map_err(|e| self.wrong(e))?;
        let builder = Database::builder(folder.path.join("rows")).cache_size(self.cache).worker_threads(1);
        let database = builder.manual_journal_persist(true).open().map_err(|e| self.wrong(e))?;
        Ok(Opened { spare: Vec::new(), database, folder })
    }

    /// The write buffer of one operator, of which there are up to four.
    pub(super) fn buffer(&self) -> u64 {
        (self.buffers / 4 / self.stores().max(1)).max(PART_MIN)
    }

    /// What changes of one operator may wait in memory for their checkpoint.
    pub(super) fn waiting(&self) -> u64 {
        let share = self.budget / WAITING_PART / self.stores().max(1);
        share.clamp(WAITING_MIN.min(self.budget / 16), WAITING_MAX)
    }

    pub(super) fn stores(&self) -> u64 {
        self.stores.load(Relaxed) as u64
    }

    pub(super) fn wrong(&self, e: impl fmt::Display) -> StateError {
        StateError::Scratch { folder: self.folder.display().to_string(), what: e.to_string() }
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scratch({}, {} bytes)", self.folder.display(), self.budget)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_shared() {
        let below = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(below.path(), 8_000);
        assert_eq!(scratch.budget, 5_000);
        let (mut one, mut two) = (scratch.shelve().unwrap(), scratch.shelve().unwrap());
        assert_eq!(one.excess(5_000), 0, "the other one uses nothing");
        assert_eq!(two.excess(2_000), 0, "it has no more than its share");
        assert_eq!(one.excess(5_000), 2_500 + 312);
        drop(two);
        assert_eq!(one.excess(5_000), 0);
    }
}
