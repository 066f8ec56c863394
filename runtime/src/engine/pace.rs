//! The numbers that time a run, and the seams by which tests own time and chance.
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use timely::scheduling::Activator;

/// Where processing time comes from.
pub trait Clock: Send + Sync {
    /// Milliseconds since the Unix epoch.
    fn now(&self) -> i64;
}

/// The system's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}

/// How a run is timed.
#[derive(Clone, Debug)]
pub struct Pace {
    /// How long a slice is.
    pub slice: Duration,
    /// How many epochs may be open between the sources and the slowest sink: at least 2, since an epoch is closed by the
    /// tick that opens the next.
    pub open_epochs: usize,
    /// How long an interval is; none takes no checkpoint before the end.
    pub interval: Option<Duration>,
    /// How often a source whose splits may grow is asked again.
    pub discovery: Duration,
    /// For tests: ticks, cuts, lags and turns at random, from this seed.
    pub jitter: Option<u64>,
    /// For tests: a bug.
    pub plant: Plant,
}

impl Default for Pace {
    fn default() -> Self {
        let (slice, second) = (Duration::from_millis(10), Duration::from_secs(1));
        Self { slice, open_epochs: 4, interval: Some(second), discovery: second, jitter: None, plant: Plant::None }
    }
}

/// Bugs that the randomized crash test must find: each breaks one rule of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// No bug.
    None,
    /// The snapshot is taken after the interval's first slice.
    FirstSlice,
    /// A watermark is applied before the frontier has passed its epoch.
    EarlyWatermark,
    /// "The frontier has passed" is asked of the frontier alone, not of the inbox.
    NoInbox,
    /// Records of the next interval are not held back until the snapshot.
    NoWait,
    /// A delaying operator's answers enter the next interval before its snapshot.
    AsyncAhead,
}

/// Random numbers of a test: splitmix64.
#[derive(Clone, Debug)]
pub struct Jitter(u64);

impl Jitter {
    /// The numbers of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next_u64() % n.max(1)
    }
}

/// In a test: whether a worker lags behind; then it is asked for another turn.
pub(crate) fn lags(jitter: &mut Option<Jitter>, activator: &Activator) -> bool {
    let lags = jitter.as_mut().is_some_and(|j| j.below(4) == 0);
    if lags {
        activator.activate();
    }
    lags
}

/// splitmix64's finisher.
pub fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
