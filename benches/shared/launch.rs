//! Runs of a job in a state folder of its own.
use millstream::job::Job;
use millstream::runtime::run::{Options, Pace, Status};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A run to its end; seconds, and what it says of itself at the end.
pub fn run(
    workers: usize,
    interval: Option<Duration>,
    build: impl Fn(&Job) + Send + Sync + 'static,
) -> (f64, Arc<Status>) {
    let folder = tempfile::tempdir().expect("a folder for state");
    let mut options = Options::new("bench", folder.path().to_string_lossy());
    options.workers = workers;
    options.pace = Pace { interval, ..Pace::default() };
    let status = Arc::clone(&options.status);
    let began = Instant::now();
    let launched = millstream::job::launch(&options, move |job| {
        build(job);
        Ok(())
    });
    launched.expect("the job runs");
    (began.elapsed().as_secs_f64(), status)
}
