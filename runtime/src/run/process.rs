//! A run in this process: attempt after attempt, until the job ends, is stopped, or cannot go on.
use super::attempt::{Setup, work};
use super::control::{Control, Failure, FailureKind, locked};
use super::coordinator::Coordinator;
use super::failpoint;
use super::keeper::{Attempt, Keeper};
use super::options::{BuildGraph, Options, RestoreFrom};
use crate::Result;
use crate::checkpoint::{CheckpointError, Claim, Manifest, Snapshot, StateStore};
use crate::graph::Graph;
use std::fmt;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Handle};

/// How a run ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every source has ended, and all output is committed.
    Finished,
    /// It had finished in an earlier run: nothing was done.
    AlreadyFinished,
    /// It was stopped after a last checkpoint, and goes on from it when it is started again.
    Stopped,
}

/// Why a run ended otherwise.
#[derive(Debug)]
pub enum RunError {
    /// The job, or what it was told, must be changed first.
    Refused(String),
    /// It failed, also when it was tried again.
    Failed {
        /// How often it was tried.
        attempts: u64,
        /// The last failure.
        what: String,
    },
    /// A test killed it.
    Killed(String),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Refused(what) | RunError::Killed(what) => f.write_str(what),
            RunError::Failed { attempts: 1, what } => f.write_str(what),
            RunError::Failed { attempts, what } => write!(f, "{what} (the last of {attempts} attempts)"),
        }
    }
}
impl std::error::Error for RunError {}

/// Runs a job to its end. Blocks; may be called inside a tokio runtime, since it works on threads of its own.
///
/// # Errors
/// [`RunError`].
pub fn run(options: &Options, build: BuildGraph) -> Result<Outcome, RunError> {
    let run = || -> Result<Outcome, RunError> {
        let threads = Builder::new_multi_thread().worker_threads(2).thread_name("millstream-io").enable_all().build();
        let tokio = threads.map_err(|e| RunError::Refused(format!("no threads for input and output: {e}")))?;
        let result = Run { options, build, handle: tokio.handle().clone() }.attempts();
        tokio.shutdown_timeout(Duration::from_secs(5));
        result
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("millstream-run".into()).spawn_scoped(scope, run);
        match thread.map(|t| t.join()) {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => Err(RunError::Refused(super::attempt::panic_text(&*panic))),
            Err(e) => Err(RunError::Refused(format!("no thread for the run: {e}"))),
        }
    })
}

struct Run<'a> {
    options: &'a Options,
    build: BuildGraph,
    handle: Handle,
}

impl Run<'_> {
    fn attempts(&self) -> Result<Outcome, RunError> {
        let graph = (self.build)().map_err(|e| RunError::Refused(e.to_string()))?;
        let mistakes = graph.mistakes();
        if !mistakes.is_empty() {
            return Err(RunError::Refused(mistakes.join("\n")));
        }
        let store = self.handle.block_on(StateStore::open(&self.options.state));
        let store = store.map_err(|e| RunError::Refused(e.to_string()))?;
        let (mut in_a_row, mut newest, mut restore) = (0, 0, self.options.restore);
        let mut failpoint = self.options.failpoint.clone();
        loop {
            let numbers = &self.options.status.numbers;
            numbers.attempts.fetch_add(1, Relaxed);
            let failure = match self.attempt(&store, &graph, restore, failpoint.take()) {
                Ok(outcome) => return Ok(outcome),
                Err(failure) => failure,
            };
            self.options.status.note_failure(&failure.what);
            let checkpoint = numbers.checkpoint.load(Relaxed);
            in_a_row = if checkpoint > newest { 0 } else { in_a_row };
            newest = checkpoint;
            restore = if checkpoint > 0 { RestoreFrom::Latest } else { restore };
            match failure.kind {
                FailureKind::Refused => return Err(RunError::Refused(failure.what)),
                FailureKind::Killed => return Err(RunError::Killed(failure.what)),
                FailureKind::Broken
                    if in_a_row >= self.options.restarts.attempts || self.options.status.is_stopping() =>
                {
                    let attempts = numbers.attempts.load(Relaxed);
                    return Err(RunError::Failed { attempts, what: failure.what });
                }
                FailureKind::Broken => self.back_off(in_a_row, &failure.what),
            }
            in_a_row += 1;
        }
    }

    /// Waits before the next attempt, but not once the run is asked to stop: that attempt takes the last checkpoint.
    fn back_off(&self, in_a_row: u32, what: &str) {
        let wait = self.options.restarts.backoff.saturating_mul(2u32.saturating_pow(in_a_row.min(6)));
        tracing::error!("{what}; starting again from the last checkpoint in {wait:?}");
        let began = Instant::now();
        while began.elapsed() < wait && !self.options.status.is_stopping() {
            std::thread::sleep(Duration::from_millis(20).min(wait));
        }
    }

    fn attempt(
        &self,
        store: &StateStore,
        graph: &Graph,
        restore: RestoreFrom,
        failpoint: Option<Arc<failpoint::Failpoint>>,
    ) -> Result<Outcome, Failure> {
        let (claim, snapshot) = self.handle.block_on(self.open(store, graph, restore)).map_err(refused)?;
        let parent = snapshot.as_ref().map(|s| s.manifest().clone());
        let over = parent.as_ref().is_some_and(|m| m.finished);
        let start_now = self.options.clock.now().max(parent.as_ref().map_or(i64::MIN, |m| m.processing_time_ms));
        let workers = self.options.workers;
        let requests = Arc::clone(&self.options.status.requests);
        let control = Arc::new(Control::new(claim.first_number - 1, requests, Arc::clone(&self.options.clock)));
        let (commit_to, commits): (Vec<_>, Vec<_>) = (0..workers).map(|_| channel()).unzip();
        let (events, inbox) = tokio::sync::mpsc::unbounded_channel(); // bounded by one checkpoint in flight
        let setup = Setup {
            options: Options { failpoint: failpoint.clone(), ..self.options.clone() },
            build: Arc::clone(&self.build),
            control: Arc::clone(&control),
            handle: self.handle.clone(),
            snapshot,
            first: claim.first_number,
            start_now,
            events: Mutex::new(Some(events)),
            commits: Mutex::new(commits.into_iter().map(Some).collect()),
        };
        if over {
            let recommit = super::recommit::recommit(&setup, graph);
            return recommit.map(|()| Outcome::AlreadyFinished).map_err(broken);
        }
        let coordinator =
            Coordinator::new(workers, self.options.checkpoint_failures, parent.as_ref().map(|m| m.number), start_now);
        let attempt = Attempt {
            store: store.clone(),
            claim,
            control: Arc::clone(&control),
            status: Arc::clone(&self.options.status),
            commits: commit_to,
            keep: self.options.keep,
            graph_hash: graph.hash(),
            args: self.options.args.clone(),
            workers,
        };
        let keeper = Keeper::new(attempt, coordinator, parent.as_ref());
        let finished = self.run_threads(setup, keeper, inbox, failpoint)?;
        match (control.take_failure(), finished) {
            (Some(failure), _) => Err(failure),
            (None, Some(true)) => Ok(Outcome::Finished),
            (None, Some(false)) => Ok(Outcome::Stopped),
            (None, None) => Err(Failure { what: "the workers ended before the job".into(), kind: FailureKind::Broken }),
        }
    }

    /// The keeper on a thread of its own beside the workers; says how it ended.
    fn run_threads(
        &self,
        setup: Setup,
        keeper: Keeper,
        inbox: tokio::sync::mpsc::UnboundedReceiver<super::control::Event>,
        failpoint: Option<Arc<failpoint::Failpoint>>,
    ) -> Result<Option<bool>, Failure> {
        let control = Arc::clone(&setup.control);
        let ended = Mutex::new(None);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                failpoint::arm(failpoint);
                let run = std::panic::AssertUnwindSafe(|| self.handle.block_on(keeper.run(inbox)));
                match std::panic::catch_unwind(run) {
                    Ok(finished) => *locked(&ended) = finished,
                    Err(panic) => control.fail_as(super::attempt::panic_text(&*panic), FailureKind::Broken),
                }
            });
            work(setup).map_err(broken)
        })?;
        Ok(ended.into_inner().unwrap_or(None))
    }

    /// Claims the state, then chooses the checkpoint, in this order: who claims later fences this attempt.
    async fn open(
        &self,
        store: &StateStore,
        graph: &Graph,
        restore: RestoreFrom,
    ) -> Result<(Claim, Option<Arc<Snapshot>>), CheckpointError> {
        let claim = store.claim(&self.options.job).await?;
        let manifest = match restore {
            RestoreFrom::Latest => store.latest().await?,
            RestoreFrom::Number(n) => Some(store.load(n).await?),
            RestoreFrom::Nothing => None,
        };
        let Some(manifest) = manifest else { return Ok((claim, None)) };
        self.check(graph, &manifest)?;
        tracing::info!("going on from checkpoint {} in {}", manifest.number, store.location());
        Ok((claim, Some(Arc::new(Snapshot::open(store, manifest).await?))))
    }

    /// What is in the checkpoint and not in the graph is lost: only if the user says so.
    fn check(&self, graph: &Graph, manifest: &Manifest) -> Result<(), CheckpointError> {
        let mut dropped = graph.against(manifest).dropped;
        dropped.retain(|uid| !self.options.drop_state.contains(uid));
        let Some(uid) = dropped.first().cloned() else { return Ok(()) };
        let what = format!(
            "checkpoint {} has its state, and the job has no such uid (it has {}); give the operator its uid back, or \
             drop its state with --drop-state {uid}",
            manifest.number,
            graph.stateful_uids().join(", "),
        );
        Err(CheckpointError::State { uid, what })
    }
}

fn refused(e: CheckpointError) -> Failure {
    let kind = match e {
        CheckpointError::Store { .. } | CheckpointError::Contended { .. } => FailureKind::Broken,
        _ => FailureKind::Refused,
    };
    Failure { what: e.to_string(), kind }
}

fn broken(e: crate::BoxError) -> Failure {
    Failure { what: e.to_string(), kind: FailureKind::Broken }
}
