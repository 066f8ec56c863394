//! A run in this process: attempt after attempt, until the job ends, is stopped, or cannot go on.
use super::attempt::Attempt;
use super::control::FailureKind;
use super::options::{BuildGraph, Options, RestoreFrom};
use crate::Result;
use crate::checkpoint::StateStore;
use std::fmt;
use std::sync::atomic::Ordering::Relaxed;
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
    /// Another process of the job is gone, or has failed: all of them are to be started again.
    Lost(String),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Refused(what) | RunError::Killed(what) | RunError::Lost(what) => f.write_str(what),
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
            Ok(Err(panic)) => Err(RunError::Refused(super::workers::panic_text(&*panic))),
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
        let store = match self.options.store.clone() {
            Some(store) => Ok(store),
            None => self.handle.block_on(StateStore::open(&self.options.state)),
        };
        let store = store.map_err(|e| RunError::Refused(e.to_string()))?;
        let (mut in_a_row, mut newest, mut restore) = (0, 0, self.options.restore);
        let mut failpoint = self.options.failpoint.clone();
        loop {
            let numbers = &self.options.status.numbers;
            numbers.attempts.fetch_add(1, Relaxed);
            let attempt = Attempt {
                options: self.options,
                build: &self.build,
                handle: &self.handle,
                store: &store,
                graph: &graph,
                restore,
                failpoint: failpoint.take(),
            };
            let failure = match attempt.run() {
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
                FailureKind::Lost => return Err(RunError::Lost(failure.what)),
                FailureKind::Stopped => return Ok(Outcome::Stopped),
                FailureKind::Broken if in_a_row >= self.restarts() || self.options.status.is_stopping() => {
                    let attempts = numbers.attempts.load(Relaxed);
                    return Err(RunError::Failed { attempts, what: failure.what });
                }
                FailureKind::Broken => self.back_off(in_a_row, &failure.what),
            }
            in_a_row += 1;
        }
    }

    /// A process of several cannot begin an attempt alone: all are started again.
    fn restarts(&self) -> u32 {
        if self.options.cluster.is_some() { 0 } else { self.options.restarts.attempts }
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
}
