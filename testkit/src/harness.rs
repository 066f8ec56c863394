//! A piece of a graph, driven record by record.
mod script;

use crate::clock::ManualClock;
use crate::folder::folder;
use millstream_operators::job::launch;
use millstream_operators::{Job, Result, Stream};
use millstream_runtime::data::Data;
use millstream_runtime::run::{Options, Outcome, RunError, Status};
use millstream_runtime::time::{Timestamp, Watermark};
use script::{Collect, Script, Scripted, Shared, Step, locked};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The event times of records are so far ahead of the watermark that only a step of the script moves it.
const AHEAD: Duration = Duration::from_millis(1 << 60);
/// A step that is not over after so long hangs.
const PATIENCE: Duration = Duration::from_secs(60);

type Piece<I, O> = Arc<dyn Fn(Stream<I>) -> Stream<O> + Send + Sync>;

/// Runs a piece of a graph, any function from a stream to a stream, record by record under a manual clock. Each step is
/// over when its effects are: it ends an interval of its own. A step takes some milliseconds.
///
/// # Panics
/// Each step does where the piece fails, or its graph has mistakes; says which.
pub struct Harness<I, O> {
    piece: Piece<I, O>,
    shared: Shared<I, O>,
    clock: Arc<ManualClock>,
    folder: tempfile::TempDir,
    workers: usize,
    running: Option<Running>,
}

/// The job between two crashes.
struct Running {
    status: Arc<Status>,
    thread: JoinHandle<Result<Outcome, RunError>>,
}

impl<I: Data, O: Data> Harness<I, O> {
    /// Around a piece, with one worker. Processing time begins at 0.
    pub fn new(piece: impl Fn(Stream<I>) -> Stream<O> + Send + Sync + 'static) -> Self {
        let folder = folder().unwrap_or_else(|e| panic!("harness: no folder for the state: {e}"));
        let (shared, clock) = (Arc::new(Script::default()), Arc::new(ManualClock::default()));
        Self { piece: Arc::new(piece), shared, clock, folder, workers: 1, running: None }
    }

    /// A record with its event time; the piece needs no `.event_time`. It does not move the watermark.
    pub fn push(&mut self, at: impl Into<Timestamp>, record: I) -> &mut Self {
        self.step(Step { at: at.into(), record: Some(record) });
        self
    }

    /// Moves the watermark: no record with an event time before `to` follows.
    pub fn watermark(&mut self, to: impl Into<Timestamp>) -> &mut Self {
        self.step(Step { at: to.into() + AHEAD, record: None });
        self
    }

    /// Moves processing time.
    pub fn pass(&mut self, time: Duration) -> &mut Self {
        self.start();
        self.clock.advance(time);
        // The first cut opens the slice that has the new time, the second one ends its interval.
        self.settle();
        self.settle();
        self
    }

    /// What came out since the last call, in order.
    pub fn out(&mut self) -> Vec<O> {
        std::mem::take(&mut *locked(&self.shared.out))
    }

    /// Takes a snapshot, throws the operators away, restores with so many workers: output must go on as if nothing had
    /// been.
    pub fn crash(&mut self, workers: usize) -> &mut Self {
        self.start();
        self.stop();
        self.workers = workers.max(1);
        self
    }

    fn step(&mut self, step: Step<I>) {
        self.start();
        self.shared.add(step);
        self.wait("the record is read", |harness| harness.shared.is_read());
        self.settle();
        self.shared.rest();
    }

    /// Waits until everything before is done: a checkpoint says it.
    fn settle(&self) {
        let Some(running) = &self.running else { return };
        let before = running.status.progress().checkpoint;
        running.status.checkpoint_now();
        self.wait("the step is done", |_| running.status.progress().checkpoint > before);
    }

    fn wait(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            let failure = self.running.as_ref().and_then(|r| r.status.last_failure());
            assert!(failure.is_none(), "harness: {}", failure.unwrap_or_default());
            let is_over = self.running.as_ref().is_none_or(|r| r.thread.is_finished());
            assert!(!is_over, "harness: the job is over before {what}; does graph(build) find a mistake in the piece?");
            assert!(began.elapsed() < PATIENCE, "harness: waited {PATIENCE:?} until {what}");
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    fn start(&mut self) {
        if self.running.is_some() {
            return;
        }
        let mut options = Options::new("harness", self.folder.path().join("state").to_string_lossy());
        options.workers = self.workers;
        options.clock = Arc::clone(&self.clock) as _;
        options.pace.slice = Duration::from_millis(1);
        options.pace.interval = None;
        options.restarts.attempts = 0;
        let status = Arc::clone(&options.status);
        let (piece, shared) = (Arc::clone(&self.piece), Arc::clone(&self.shared));
        let build = move |job: &Job| draw(job, &piece, &shared);
        let thread = std::thread::spawn(move || launch(&options, build));
        self.running = Some(Running { status, thread });
    }

    /// With a last checkpoint. Says what went wrong.
    fn stop(&mut self) {
        let Some(running) = self.running.take() else { return };
        running.status.stop();
        match running.thread.join() {
            Ok(Ok(_)) => {}
            Ok(Err(e)) => panic!("harness: {e}"),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl<I, O> Drop for Harness<I, O> {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.status.stop();
            let _ = running.thread.join(); // a test that is over asks no more
        }
    }
}

fn draw<I: Data, O: Data>(job: &Job, piece: &Piece<I, O>, shared: &Shared<I, O>) -> Result<()> {
    let steps = job.source("harness-in", Scripted(Arc::clone(shared)));
    let timed = steps.event_time(|step| step.at, Watermark::bounded(AHEAD));
    let records = timed.flat_map(|step: Step<I>| step.record);
    piece(records).sink("harness-out", Collect(Arc::clone(shared)));
    Ok(())
}
