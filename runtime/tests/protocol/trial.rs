//! One seed: attempt after attempt in one state folder, each killed somewhere, until one reaches the end.
use crate::faulty::Faulty;
use crate::job::{Draw, World, draw, draw_untimed};
use crate::operators::Ending;
use crate::records::{ANSWER, FINAL, Rec, plain, plain_untimed};
use millstream_runtime::checkpoint::StateStore;
use millstream_runtime::run::{Jitter, Options, Outcome, Pace, Plant, Restarts, RunError, failpoint, mix, run};
use std::path::Path;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many attempts of a trial may be killed.
const KILLS_MOST: u64 = 5;
/// So many attempts may fail because of a faulty store, which heals then.
const FAILURES_MOST: u64 = 6;
/// A seed that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);
const PATIENCE_WITH_A_BUG: Duration = Duration::from_secs(5);

/// What came of a trial.
#[derive(Debug, Default)]
pub struct Verdict {
    pub attempts: u64,
    pub kills: u64,
    pub stops: u64,
    pub checkpoints: u64,
    /// Windows that fired before the end of the input.
    pub in_time: u64,
    /// Requests that the state store failed.
    pub faults: u64,
    /// Attempts that failed because of it.
    pub failures: u64,
    /// Splits that appeared while the job ran.
    pub appeared: u64,
    /// What differs from the plain computation.
    pub wrong: Option<String>,
}

pub fn trial(seed: u64, plant: Plant) -> Verdict {
    let world = Arc::default();
    let verdict = trial_in(&world, draw, seed, plant);
    let wrong = verdict.wrong.or_else(|| judge(&world, &plain()));
    Verdict { wrong, in_time: world.in_time.load(SeqCst), appeared: world.appeared.load(SeqCst), ..verdict }
}

/// The same with the job without event time.
pub fn trial_untimed(seed: u64) -> Verdict {
    let world = Arc::default();
    let verdict = trial_in(&world, draw_untimed, seed, Plant::None);
    Verdict { wrong: verdict.wrong.or_else(|| judge(&world, &plain_untimed())), ..verdict }
}

/// A planted bug may leave the job without an end, its threads asleep until the process is over. That alone proves
/// nothing on a slow machine: a torn snapshot or a late record must have been seen.
pub fn trial_that_may_hang(seed: u64, plant: Plant) -> Verdict {
    let (world, (done, verdict)) = (Arc::default(), channel());
    let of_trial = Arc::clone(&world);
    std::thread::spawn(move || done.send(trial_in(&of_trial, draw, seed, plant)));
    let verdict = verdict.recv_timeout(PATIENCE_WITH_A_BUG);
    let wrong = judge(&world, &plain());
    match verdict {
        Ok(verdict) => Verdict { wrong: verdict.wrong.or(wrong), ..verdict },
        Err(_) => {
            let is_broken = world.torn.load(SeqCst) + world.late.load(SeqCst) > 0;
            let wrong = wrong.filter(|_| is_broken).map(|wrong| format!("hangs, with {wrong}"));
            Verdict { wrong, ..Verdict::default() }
        }
    }
}

/// `wrong` only where an attempt ends as it must not.
fn trial_in(world: &Arc<World>, draw: Draw, seed: u64, plant: Plant) -> Verdict {
    let mut rng = Jitter::new(mix(seed + 1));
    let (mut verdict, folder) = (Verdict::default(), folder());
    let kills = rng.below(KILLS_MOST);
    // A planted bug is to be found by itself.
    let faulty = (plant == Plant::None && rng.below(2) == 0).then(Faulty::new);
    loop {
        let may_end = verdict.attempts < kills;
        let (mut options, ending) = options(&mut rng, folder.path(), plant, may_end);
        if let Some(faulty) = &faulty {
            let one_in = if verdict.failures < FAILURES_MOST { 10 + rng.below(90) } else { 0 };
            faulty.fail_one_in(one_in, rng.next_u64());
            options.store = Some(StateStore::over(faulty.clone(), "a faulty store"));
        }
        let (world, seed) = (Arc::clone(world), rng.next_u64());
        verdict.attempts += 1;
        let result = run(&options, Arc::new(move || Ok(draw(&world, seed, ending.clone()))));
        verdict.checkpoints += options.status.progress().checkpoints;
        match result {
            Ok(Outcome::Finished | Outcome::AlreadyFinished) => break,
            Ok(Outcome::Stopped) => verdict.stops += 1,
            Err(RunError::Killed(_)) => verdict.kills += 1,
            Err(RunError::Failed { .. }) if verdict.failures < FAILURES_MOST && faulty.is_some() => {
                verdict.failures += 1
            }
            // A planted bug may well break an attempt.
            other => {
                verdict.wrong = Some(format!("the run ended with {other:?}"));
                return verdict;
            }
        }
    }
    verdict.faults = faulty.map_or(0, |faulty| faulty.faults());
    verdict
}

/// In memory where the system has such a place: checkpoints are synced.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder for the state")
}

fn options(rng: &mut Jitter, folder: &Path, plant: Plant, may_end: bool) -> (Options, Ending) {
    let mut options = Options::new("protocol", folder.to_string_lossy());
    options.workers = 1 + rng.below(4) as usize;
    options.binary = rng.below(3) == 0;
    options.restarts = Restarts { attempts: 0, backoff: Duration::ZERO };
    let open_epochs = 2 + rng.below(3) as usize;
    let discovery = Duration::from_millis(1 + rng.below(30));
    options.pace = Pace { jitter: Some(rng.next_u64()), plant, open_epochs, discovery, ..Pace::default() };
    let place = failpoint::PLACES[rng.below(failpoint::PLACES.len() as u64) as usize];
    let count = 1 + rng.below(12);
    let (how, records) = (rng.below(5), rng.below(400));
    let ending = match how {
        0 | 1 if may_end => Ending::Killed(records),
        2 if may_end => Ending::Stopped(records, Arc::clone(&options.status)),
        _ => Ending::Never,
    };
    options.failpoint = (may_end && how > 2).then(|| failpoint::Failpoint::new(place, count));
    (options, ending)
}

fn judge(world: &World, expected: &[Rec]) -> Option<String> {
    let mut out: Vec<Rec> = world.committed.lock().expect("no commit panics").values().flatten().copied().collect();
    out.sort_unstable();
    let (late, torn) = (world.late.load(SeqCst), world.torn.load(SeqCst));
    let count = |all: &[Rec], kind| all.iter().filter(|r| r.0 == kind).count();
    let kinds: Vec<_> = (ANSWER..=FINAL).map(|k| (k, count(&out, k), count(expected, k))).collect();
    let is_right = out == expected && late == 0 && torn == 0;
    (!is_right).then(|| format!("{late} late, {torn} torn, same output: {}, {kinds:?}", out == expected))
}

/// Ends the process with the seed that hangs.
pub struct Watchdog(Arc<Mutex<Option<(String, Instant)>>>);

impl Watchdog {
    pub fn start() -> Self {
        let watched: Arc<Mutex<Option<(String, Instant)>>> = Arc::default();
        let ours = Arc::downgrade(&watched);
        std::thread::spawn(move || {
            while let Some(watched) = ours.upgrade() {
                if let Some((what, since)) = &*watched.lock().unwrap_or_else(PoisonError::into_inner)
                    && since.elapsed() > PATIENCE
                {
                    eprintln!("{what} hangs");
                    std::process::abort();
                }
                drop(watched);
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        Self(watched)
    }

    /// From now on this seed is watched.
    pub fn watch(&self, what: &str, seed: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((format!("{what}, seed {seed}"), Instant::now()));
    }
}
