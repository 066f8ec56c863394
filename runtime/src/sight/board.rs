//! What the threads of one process write down for the lookout during an attempt.
use super::look::Look;
use super::standing::Standing;
use crate::engine::epoch::Epoch;
use crate::run::control::locked;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// See the module.
#[derive(Default)]
pub(crate) struct Board {
    standings: Mutex<Vec<Arc<Standing>>>,
    progress: Mutex<Progress>,
    /// The operators that give parts of a checkpoint, in their order.
    uids: Mutex<Vec<String>>,
    /// Worker 0: the oldest epoch that is open, and since when.
    open: Mutex<Option<(Epoch, Instant)>>,
    /// What the other processes saw last, by process.
    others: Mutex<BTreeMap<usize, Look>>,
}

/// How far checkpoints and commits have come in this process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// The newest interval that has ended, and when.
    pub cut: Option<(u64, Instant)>,
    /// Whose part of it is here, by operator and worker.
    pub parts: BTreeSet<(usize, usize)>,
    /// The newest checkpoint whose file of this process is written.
    pub written: Option<u64>,
    /// The newest checkpoint that is to be committed, and since when. 0 stands for the one that was restored.
    pub commit: Option<(u64, Instant)>,
    /// The workers that have yet to commit it, with the sink and lane that they are at.
    pub committing: BTreeMap<usize, String>,
}

impl Board {
    /// Adds an operator of a worker.
    pub fn add(&self, uid: &str, worker: usize) -> Arc<Standing> {
        let standing = Arc::new(Standing::new(uid, worker));
        locked(&self.standings).push(Arc::clone(&standing));
        standing
    }

    pub fn standings(&self) -> Vec<Arc<Standing>> {
        locked(&self.standings).clone()
    }

    pub fn note_uids(&self, uids: Vec<String>) {
        *locked(&self.uids) = uids;
    }

    pub fn uids(&self) -> Vec<String> {
        locked(&self.uids).clone()
    }

    pub fn progress(&self) -> Progress {
        locked(&self.progress).clone()
    }

    /// The oldest open epoch, or that there is none.
    pub fn note_open(&self, oldest: Option<(Epoch, Instant)>) {
        *locked(&self.open) = oldest;
    }

    pub fn open(&self) -> Option<(Epoch, Instant)> {
        *locked(&self.open)
    }

    /// Interval `n` has ended; of the last one only its parts tell the number.
    pub fn note_cut(&self, n: u64) {
        if n == u64::MAX {
            return;
        }
        let mut progress = locked(&self.progress);
        if progress.cut.is_none_or(|(before, _)| before < n) {
            progress.cut = Some((n, Instant::now()));
            progress.parts.clear();
        }
    }

    /// An operator has given its part of `n`; a source may do so before the end of the interval is known here.
    pub fn note_part(&self, n: u64, operator: usize, worker: usize) {
        self.note_cut(n);
        locked(&self.progress).parts.insert((operator, worker));
    }

    /// The file of `n` is written.
    pub fn note_written(&self, n: u64) {
        locked(&self.progress).written = Some(n);
    }

    /// These workers are to commit `n`.
    pub fn note_commit(&self, n: u64, workers: impl Iterator<Item = usize>) {
        let mut progress = locked(&self.progress);
        progress.commit = Some((n, Instant::now()));
        progress.committing = workers.map(|worker| (worker, String::new())).collect();
    }

    /// A worker commits by this sink and lane.
    pub fn note_committing(&self, worker: usize, by: String) {
        if let Some(known) = locked(&self.progress).committing.get_mut(&worker) {
            *known = by;
        }
    }

    /// A worker has committed all.
    pub fn note_committed(&self, worker: usize) {
        locked(&self.progress).committing.remove(&worker);
    }

    /// What another process sees.
    pub fn note_look(&self, process: usize, look: Look) {
        locked(&self.others).insert(process, look);
    }

    pub fn others(&self) -> BTreeMap<usize, Look> {
        locked(&self.others).clone()
    }
}
