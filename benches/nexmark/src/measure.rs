//! One measurement: the query as fast as it goes, then at half of that rate its latency, and how it comes back from a kill.
use crate::delays::Lateness;
use crate::hand::{self, Hand};
use crate::queries::Query;
use crate::recovery::Recovery;
use crate::report::Report;
use crate::row::Total;
use crate::run::{Load, draw, reference};
use crate::stopwatch::{Stopwatch, peak_rss_mib};
use crate::tally::Tally;
use millstream::Result;
use millstream::job::Job;
use millstream::runtime::run::failpoint::Failpoint;
use millstream::runtime::run::{Options, Outcome, Pace, Progress, Restarts, RunError, Status};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tempfile::TempDir;

/// For so long latency is measured.
const LATENCY: Duration = Duration::from_secs(5);

/// Who has not caught up after the events of so long never does.
const CATCH_UP: Duration = Duration::from_secs(30);

/// What is measured.
pub struct Setup {
    pub query: &'static Query,
    pub events: u64,
    pub workers: usize,
    pub interval: Option<Duration>,
    /// Only the rate.
    pub quick: bool,
}

impl Setup {
    fn load(&self) -> Load {
        Load { events: self.events, splits: self.workers as u32, ..Load::default() }
    }

    fn report(&self, system: &str, total: Total, stopwatch: &Stopwatch) -> Report {
        let (seconds, cpu_s) = stopwatch.read();
        Report {
            query: self.query.name.into(),
            system: system.into(),
            events: self.events,
            workers: self.workers,
            checkpoint_interval_ms: self.interval.map(|interval| interval.as_millis() as u64),
            rows: total.rows,
            checksum: format!("{:016x}", total.checksum),
            events_per_s: (self.events - self.events / 5) as f64 / seconds.max(1e-9),
            cpu_s,
            peak_rss_mb: peak_rss_mib(),
            p50_ms: None,
            p99_ms: None,
            checkpoints: 0,
            checkpoint_mb: 0.0,
            checkpoint_ms: 0,
            caught_up_ms: None,
        }
    }
}

/// A plain loop.
pub fn brute(setup: &Setup) -> Report {
    let load = setup.load();
    let total = reference(setup.query, &load);
    Report { workers: 1, checkpoint_interval_ms: None, ..setup.report("brute", total, &load.stopwatch) }
}

/// Timely by hand.
pub fn timely(setup: &Setup, hand: Hand) -> Report {
    let load = setup.load();
    let total = hand::run(hand, &load, setup.workers);
    Report { checkpoint_interval_ms: None, ..setup.report("timely", total, &load.stopwatch) }
}

/// A job.
pub fn millstream(setup: &Setup) -> Result<Report> {
    let load = setup.load();
    let tally = Tally::stopping(load.stopwatch.clone());
    let job = Launch::new(setup)?;
    let largest = job.run(&load, &tally)?;
    let mut report = setup.report("millstream", tally.total(), &load.stopwatch);
    (report.checkpoints, report.checkpoint_ms) = (largest.checkpoints, largest.checkpoint_ms);
    report.checkpoint_mb = largest.checkpoint_bytes as f64 / 1e6;
    if setup.quick {
        return Ok(report);
    }
    let rate = (report.events_per_s / 2.0) as u64;
    let lateness = latency(setup, rate)?;
    (report.p50_ms, report.p99_ms) = (lateness.quantile(0.5), lateness.quantile(0.99));
    if setup.interval.is_some() {
        report.caught_up_ms = caught_up(setup, rate)?.map(|took| took.as_secs_f64() * 1e3);
    }
    Ok(report)
}

fn latency(setup: &Setup, rate: u64) -> Result<Lateness> {
    let lateness = Lateness::at_rate(rate);
    let events = rate.saturating_mul(LATENCY.as_secs());
    let load = Load { events, rate: Some(rate), lateness: Some(lateness.clone()), ..setup.load() };
    Launch::new(setup)?.run(&load, &Tally::measuring(lateness.clone()))?;
    Ok(lateness)
}

/// Kills a job just before its third checkpoint is durable, and starts it again without a limit to its rate.
fn caught_up(setup: &Setup, rate: u64) -> Result<Option<Duration>> {
    let (first, lateness) = (Launch::new(setup)?, Lateness::at_rate(rate));
    let slow = Load { events: u64::MAX, rate: Some(rate), lateness: Some(lateness.clone()), ..setup.load() };
    let tally = Tally::default();
    match first.killed(&slow, &tally) {
        Err(RunError::Killed(_)) => {}
        Err(e) => return Err(e.to_string().into()),
        Ok(_) => return Err("the job ended before it was killed".into()),
    }
    let Some(began) = lateness.began() else { return Ok(None) };
    let recovery = Recovery::of_killed(rate, began, setup.workers as u32);
    let again = Launch { status: Arc::default(), ..first };
    let most = rate.saturating_mul(CATCH_UP.as_secs());
    let fast = Load { events: most, recovery: Some((recovery.clone(), Arc::clone(&again.status))), ..setup.load() };
    again.run(&fast, &tally)?;
    Ok(recovery.took())
}

/// Runs of a job in a state folder of its own.
struct Launch<'a> {
    setup: &'a Setup,
    folder: TempDir,
    status: Arc<Status>,
}

impl<'a> Launch<'a> {
    fn new(setup: &'a Setup) -> Result<Self> {
        Ok(Self { setup, folder: tempfile::tempdir()?, status: Arc::default() })
    }

    /// To its end; the largest of what was seen of its checkpoints meanwhile.
    fn run(&self, load: &Load, tally: &Tally) -> Result<Progress> {
        let (outcome, largest) = watched(&self.status, || self.launch(&self.options(), load, tally));
        outcome.map_err(|e| e.to_string())?;
        Ok(largest)
    }

    /// Until it is killed.
    fn killed(&self, load: &Load, tally: &Tally) -> Result<Outcome, RunError> {
        let restarts = Restarts { attempts: 0, backoff: Duration::ZERO };
        let failpoint = Some(Failpoint::new("manifest.before", 3));
        self.launch(&Options { failpoint, restarts, ..self.options() }, load, tally)
    }

    fn options(&self) -> Options {
        let mut options = Options::new("nexmark", self.folder.path().to_string_lossy());
        options.workers = self.setup.workers;
        options.pace = Pace { interval: self.setup.interval, ..Pace::default() };
        options.status = Arc::clone(&self.status);
        options
    }

    fn launch(&self, options: &Options, load: &Load, tally: &Tally) -> Result<Outcome, RunError> {
        let (query, load, tally) = (self.setup.query, load.clone(), tally.clone());
        millstream::job::launch(options, move |job: &Job| {
            draw(job, query, &load, &tally);
            Ok(())
        })
    }
}

/// Runs, and looks meanwhile at the checkpoints: the last look, with the bytes and the time of the largest one.
fn watched<T>(status: &Status, run: impl FnOnce() -> T) -> (T, Progress) {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut most = Progress::default();
            loop {
                let last = is_over.load(Relaxed);
                let now = status.progress();
                most = Progress {
                    checkpoint_ms: most.checkpoint_ms.max(now.checkpoint_ms),
                    checkpoint_bytes: most.checkpoint_bytes.max(now.checkpoint_bytes),
                    ..now
                };
                if last {
                    return most;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let ran = run();
        is_over.store(true, Relaxed);
        (ran, watching.join().unwrap_or_default())
    })
}
