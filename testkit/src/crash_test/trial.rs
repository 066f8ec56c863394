//! One run of the job in a world of its own: attempt after attempt, until it has finished.
use super::compare::Visible;
use super::plan::{AttemptPlan, Case, DEATHS, NOTHING, REWIND};
use crate::clock::ManualClock;
use crate::folder::folder;
use millstream_operators::job::launch_substituted;
use millstream_operators::substitute::Substitutes;
use millstream_operators::{Job, Result};
use millstream_runtime::checkpoint::StateStore;
use millstream_runtime::run::failpoint::Failpoint;
use millstream_runtime::run::{Options, Outcome, Plant, Restarts, RestoreFrom, RunError};
use millstream_runtime::state::{Scratch, StateBackend};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

pub(super) type Build = Arc<dyn Fn(&Job) -> Result<()> + Send + Sync>;

/// For keyed state in memory where the rest is on the disk, in bytes: a few keys exceed it.
const TINY: u64 = 8_000;

/// An attempt that is not over after so long hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the clock of every run shows: the first moment of 2026.
const NOW: i64 = 1_767_225_600_000;

/// The job, and what is outside of it.
pub(super) struct Trial {
    pub build: Build,
    pub world: Arc<Substitutes>,
    pub plant: Plant,
}

/// What a run came to.
#[derive(Default)]
pub(super) struct Ran {
    /// Where it was killed, and how often.
    pub kills: BTreeMap<String, u64>,
    /// A line for each attempt.
    pub story: Vec<String>,
}

/// Where a run goes on after its first death: `to` until it has a checkpoint above `above`.
struct Rewound {
    to: RestoreFrom,
    above: u64,
}

impl Trial {
    /// Without a kill; 0 for the jitter is none, and no checkpoint before the end.
    pub fn undisturbed(&self, workers: usize, jitter: u64) -> Result<Visible, String> {
        let plan = AttemptPlan { workers, jitter, binary: false, disk: false, dies: None };
        let folder = folder().map_err(|e| format!("no folder for the state: {e}"))?;
        let mut options = self.options(&plan, folder.path());
        options.pace.jitter = (jitter > 0).then_some(jitter);
        options.pace.interval = None;
        self.world.clear();
        match self.launch(options)? {
            Ok(Outcome::Finished) => Ok(self.world.visible()),
            other => Err(format!("the job does not finish, though nobody killed it: {}", text(&other))),
        }
    }

    /// With the deaths of a case. What is visible in the end is in the world.
    pub fn disturbed(&self, case: &Case, ran: &mut Ran) -> Result<(), String> {
        let folder = folder().map_err(|e| format!("no folder for the state: {e}"))?;
        self.world.clear();
        let mut rewound = None;
        for i in 0..=DEATHS {
            let plan = case.attempt(i);
            let mut options = self.options(&plan, folder.path());
            if let Some(rewound) = &rewound {
                options.restore = self.go_back(rewound, newest(&numbers(&options.state)?));
            }
            let whence = match options.restore {
                RestoreFrom::Latest => "",
                RestoreFrom::Number(n) => &format!(", back to checkpoint {n}"),
                RestoreFrom::Nothing => ", afresh",
            };
            let state = options.state.clone();
            let outcome = self.launch(options).inspect_err(|_| ran.story.push(format!("{plan}{whence}: hangs")))?;
            ran.story.push(format!("{plan}{whence}: {}", text(&outcome)));
            match outcome {
                Err(RunError::Killed(_)) => {
                    *ran.kills.entry(plan.dies.map(|(place, _)| place).unwrap_or_default()).or_default() += 1;
                }
                // Even a finished job may be sent back, but once.
                Ok(Outcome::Finished) if rewound.is_none() && matches!(&*case.place, REWIND | NOTHING) => {}
                Ok(Outcome::Finished | Outcome::AlreadyFinished) => return Ok(()),
                other => return Err(format!("the job does not go on: {}", text(&other))),
            }
            rewound = rewound.or(Rewound::choose(case, numbers(&state)?));
        }
        Err("the job does not finish".into())
    }

    fn options(&self, plan: &AttemptPlan, folder: &std::path::Path) -> Options {
        let mut options = Options::new("crash-test", folder.join("state").to_string_lossy());
        options.workers = plan.workers;
        options.pace.slice = Duration::from_millis(1);
        options.pace.jitter = Some(plan.jitter);
        options.pace.plant = self.plant;
        options.binary = plan.binary;
        if plan.disk {
            options.state_backend = StateBackend::Disk(Scratch::new(folder.join("scratch"), TINY));
        }
        options.keep = usize::MAX >> 1; // a rewind chooses among all
        options.restarts = Restarts { attempts: 0, backoff: Duration::ZERO };
        options.clock = Arc::new(ManualClock::at(NOW));
        options.failpoint = plan.dies.as_ref().map(|(place, count)| Failpoint::new(place, *count));
        options
    }

    /// Where this attempt goes on; takes back what the job will write again.
    fn go_back(&self, rewound: &Rewound, newest: u64) -> RestoreFrom {
        if newest > rewound.above {
            return RestoreFrom::Latest;
        }
        match rewound.to {
            RestoreFrom::Number(n) => self.world.rewind(n),
            RestoreFrom::Nothing => self.world.clear(),
            RestoreFrom::Latest => {}
        }
        rewound.to
    }

    /// Runs on a thread of its own, so that a job that hangs is a failure too.
    fn launch(&self, options: Options) -> Result<Result<Outcome, RunError>, String> {
        let (world, build, (done, over)) = (Arc::clone(&self.world), Arc::clone(&self.build), channel());
        std::thread::spawn(move || {
            let _ = done.send(launch_substituted(&options, world, move |job| build(job)));
        });
        over.recv_timeout(PATIENCE).map_err(|_| format!("the job hangs: an attempt was not over after {PATIENCE:?}"))
    }
}

impl Rewound {
    fn choose(case: &Case, mut numbers: Vec<u64>) -> Option<Self> {
        numbers.sort_unstable();
        let above = newest(&numbers);
        numbers.pop();
        let to = match &*case.place {
            REWIND if numbers.is_empty() => RestoreFrom::Latest,
            REWIND => RestoreFrom::Number(numbers[(case.seed % numbers.len() as u64) as usize]),
            NOTHING => RestoreFrom::Nothing,
            _ => return None,
        };
        Some(Self { to, above })
    }
}

fn newest(numbers: &[u64]) -> u64 {
    numbers.iter().copied().max().unwrap_or(0)
}

/// The checkpoints that are there.
fn numbers(state: &str) -> Result<Vec<u64>, String> {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let tokio = tokio.map_err(|e| format!("no thread to look for checkpoints: {e}"))?;
    let found = std::thread::scope(|scope| {
        let look = || tokio.block_on(async { StateStore::open(state).await?.numbers().await });
        scope.spawn(look).join()
    });
    let found = found.map_err(|_| "looking for checkpoints panicked".to_string())?;
    found.map_err(|e| e.to_string())
}

fn text(outcome: &Result<Outcome, RunError>) -> String {
    match outcome {
        Ok(outcome) => format!("{outcome:?}"),
        Err(e) => e.to_string(),
    }
}
