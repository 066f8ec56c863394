//! Named places at which a test kills the job: in this process, or the process itself.
//!
//! `MILLSTREAM_FAILPOINT=name:count` in the environment aborts the process (as `kill -9` would) when the place is passed
//! for the `count`-th time; with `name:count:FILE` it makes the file and waits there until somebody removes it. A test in this
//! process gives one to the run's options.
use crate::{BoxError, Result};
use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

/// The places of every job, in the order in which a checkpoint passes them.
pub const PLACES: [&str; 13] = [
    "claim.after",
    "restore.after",
    "cut.after",
    "snapshot.after",
    "prepare.after",
    "write.before",
    "write.after",
    "manifest.before",
    "manifest.after",
    "commit.before",
    "commit.after",
    "committed.before",
    "collect.before",
];

/// Further places, between `commit.before` and `commit.after`, of sinks that commit by a transaction.
pub const TRANSACTION: [&str; 4] =
    ["transaction.begun", "transaction.marked", "transaction.sent", "transaction.committed"];

/// A test killed the attempt here.
#[derive(Debug)]
pub struct Killed(pub &'static str);

impl fmt::Display for Killed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "killed at failpoint {}", self.0)
    }
}
impl std::error::Error for Killed {}

/// A failpoint of a run in this process: dies when `place` is passed for the `count`-th time.
#[derive(Debug)]
pub struct Failpoint {
    place: String,
    left: Mutex<u64>,
    /// Waits instead, while this file is there.
    pause: Option<PathBuf>,
}

impl Failpoint {
    /// Counts from 1.
    pub fn new(place: &str, count: u64) -> Arc<Self> {
        Arc::new(Self { place: place.into(), left: Mutex::new(count), pause: None })
    }
}

thread_local!(static ARMED: RefCell<Option<Arc<Failpoint>>> = const { RefCell::new(None) });

/// Arms a failpoint for what runs on this thread from now on, or disarms it.
pub(crate) fn arm(failpoint: Option<Arc<Failpoint>>) {
    ARMED.with(|armed| *armed.borrow_mut() = failpoint);
}

/// Passes a place. Of threads that the runtime did not start only the environment's failpoint kills.
///
/// # Errors
/// [`Killed`], where a test in this process wants it.
pub fn hit(place: &'static str) -> Result<()> {
    debug_assert!(PLACES.contains(&place) || TRANSACTION.contains(&place));
    if let Some(failpoint) = from_environment()
        && failpoint.is_passed(place)
    {
        match &failpoint.pause {
            Some(file) => wait_at(file)?,
            None => std::process::abort(),
        }
    }
    let dies = ARMED.with(|armed| armed.borrow().as_ref().is_some_and(|f| f.is_passed(place)));
    if dies { Err(BoxError::from(Killed(place))) } else { Ok(()) }
}

impl Failpoint {
    /// Whether this is the pass that kills.
    fn is_passed(&self, place: &str) -> bool {
        if place != self.place {
            return false;
        }
        let mut left = self.left.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *left = left.saturating_sub(1);
        *left == 0
    }
}

/// Makes the file, and waits until it is gone.
fn wait_at(file: &Path) -> Result<()> {
    std::fs::write(file, "")?;
    while file.exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn from_environment() -> Option<&'static Failpoint> {
    static FROM_ENVIRONMENT: OnceLock<Option<Failpoint>> = OnceLock::new();
    let read = || {
        let text = std::env::var("MILLSTREAM_FAILPOINT").ok()?;
        let mut parts = text.splitn(3, ':');
        let (place, count) = (parts.next()?.into(), parts.next()?.parse().ok()?);
        Some(Failpoint { place, left: Mutex::new(count), pause: parts.next().map(PathBuf::from) })
    };
    FROM_ENVIRONMENT.get_or_init(read).as_ref()
}
