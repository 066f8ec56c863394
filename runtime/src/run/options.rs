//! What a run is told.
use super::failpoint::Failpoint;
use super::status::Status;
use crate::Result;
use crate::checkpoint::StateStore;
use crate::engine::pace::{Clock, Pace, SystemClock};
use crate::graph::Graph;
use crate::mesh::Cluster;
use crate::state::StateBackend;
use std::sync::Arc;
use std::time::Duration;

/// Draws the graph: called once on each worker, and once to learn which splits there are.
pub type BuildGraph = Arc<dyn Fn() -> Result<Graph> + Send + Sync>;

/// What a run is told.
#[derive(Clone)]
pub struct Options {
    /// The job's name; its state folder belongs to it.
    pub job: String,
    /// Worker threads of each process.
    pub workers: usize,
    /// The other processes of the job, if it has several; they share the state.
    pub cluster: Option<Cluster>,
    /// Where checkpoints are: a folder, or a URL.
    pub state: String,
    /// Which checkpoint to go on from.
    pub restore: RestoreFrom,
    /// Slices, intervals, open epochs.
    pub pace: Pace,
    /// What happens after a failure.
    pub restarts: Restarts,
    /// How many checkpoints in a row may fail to be written.
    pub checkpoint_failures: u32,
    /// How many checkpoints stay.
    pub keep: usize,
    /// Uids whose state may be dropped: they are in the checkpoint and no longer in the graph.
    pub drop_state: Vec<String>,
    /// Where keyed state is while the job runs.
    pub state_backend: StateBackend,
    /// Encodes everything between workers, as between processes.
    pub binary: bool,
    /// The job's own arguments, for the manifest.
    pub args: serde_json::Value,
    /// Processing time.
    pub clock: Arc<dyn Clock>,
    /// What the run tells of itself while it goes on.
    pub status: Arc<Status>,
    /// For tests: takes the place of what `state` names.
    pub store: Option<StateStore>,
    /// For tests: where the first attempt dies.
    pub failpoint: Option<Arc<Failpoint>>,
}

impl Options {
    /// A job with one worker and its state in a folder, everything else as usual.
    pub fn new(job: impl Into<String>, state: impl Into<String>) -> Self {
        Self {
            job: job.into(),
            workers: 1,
            cluster: None,
            state: state.into(),
            restore: RestoreFrom::Latest,
            pace: Pace::default(),
            restarts: Restarts::default(),
            checkpoint_failures: 3,
            keep: 3,
            drop_state: vec![],
            state_backend: StateBackend::default(),
            binary: std::env::var("MILLSTREAM_COMMUNICATION").is_ok_and(|v| v == "binary"),
            args: serde_json::Value::Null,
            clock: Arc::new(SystemClock),
            status: Arc::default(),
            store: None,
            failpoint: None,
        }
    }
}

/// Which checkpoint a run goes on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreFrom {
    /// The newest; a fresh start where there is none.
    Latest,
    /// This one.
    Number(u64),
    /// None: a fresh start, though the folder may hold some.
    Nothing,
}

/// How often a job that failed is started again within its process.
#[derive(Clone, Copy, Debug)]
pub struct Restarts {
    /// So often in a row without a new checkpoint between.
    pub attempts: u32,
    /// The wait before the first; it doubles.
    pub backoff: Duration,
}

impl Default for Restarts {
    fn default() -> Self {
        Self { attempts: 3, backoff: Duration::from_secs(1) }
    }
}
