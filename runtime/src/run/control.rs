//! What the threads of one attempt share: requests, failures, wake-ups.
use super::released::Released;
use crate::BoxError;
use crate::checkpoint::Section;
use crate::engine::front::Fronts;
use crate::engine::logic::CopyHash;
use crate::engine::pace::Clock;
use crate::graph::assemble::Assembled;
use crate::mesh::Outbox;
use crate::mesh::wire::Message;
use crate::sight::board::Board;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::Duration;
use timely::scheduling::SyncActivator;

/// The exit code of a process whose job is to be started again in all processes: another one is gone. That of sysexits.h
/// for what may be tried again.
pub const LOST_CODE: i32 = 75;

/// Once an attempt has failed in one of several processes, it may take so long to end.
const ENDS_WITHIN: Duration = Duration::from_secs(15);

/// Why an interval ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// Its time is over.
    Interval,
    /// A user wants a checkpoint to keep.
    Savepoint,
    /// The job is to stop.
    Stop,
}

/// What workers tell the keeper of their process.
#[derive(Debug)]
pub(crate) enum Event {
    /// What the graph has come to; the first worker of each process says it, before all else.
    Graph(Assembled),
    /// Interval `n` ends at the processing time `now`.
    Cut { n: u64, why: Why, now: i64 },
    /// One operator of one worker has taken its snapshot.
    Part {
        n: u64,
        operator: usize,
        worker: usize,
        sections: Vec<Section>,
        marks: Vec<(u32, i64)>,
        copy: Option<CopyHash>,
        last: bool,
    },
    /// A worker has committed everything up to checkpoint `n`.
    Committed { n: u64, worker: usize },
}

/// What the keeper tells a worker: commit everything that is staged for checkpoints up to this one.
pub(crate) type Commit = u64;

/// How an attempt came to fail.
#[derive(Debug)]
pub(crate) struct Failure {
    pub what: String,
    pub kind: FailureKind,
}

/// Whether another attempt may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FailureKind {
    /// It may: user code panicked, an outside system failed.
    Broken,
    /// It will not: the job or its surroundings must be changed first.
    Refused,
    /// A test killed the attempt.
    Killed,
    /// Another process is gone, or has failed: all must be started again.
    Lost,
    /// The run was asked to stop before the attempt began.
    Stopped,
}

/// An error after which no other attempt is made.
#[derive(Debug)]
pub(crate) struct Fatal(pub BoxError);

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl std::error::Error for Fatal {}

/// See the module.
pub(crate) struct Control {
    abort: AtomicBool,
    failure: Mutex<Option<Failure>>,
    threads: Mutex<Vec<Thread>>,
    /// Workers of this process that have drawn their dataflow and loaded its state.
    restored: AtomicUsize,
    settled: AtomicU64,
    /// The newest interval that has ended at the ticker.
    cut: AtomicU64,
    /// A sink asks for the end of the interval.
    short_of_room: AtomicBool,
    done: AtomicBool,
    active: AtomicBool,
    requests: Arc<Requests>,
    ticker: Mutex<Option<SyncActivator>>,
    outbox: Outbox,
    released: Released,
    over: Arc<Released>,
    /// Who stands where, for the lookout.
    pub board: Board,
    /// How far sources are read whose splits wait for each other.
    pub fronts: Fronts,
    pub clock: Arc<dyn Clock>,
}

/// What users ask of a run; it outlives an attempt.
#[derive(Default)]
pub(crate) struct Requests {
    stop: AtomicBool,
    savepoint: AtomicBool,
}

impl Requests {
    /// Stop after a last checkpoint.
    pub fn stop(&self) {
        self.stop.store(true, SeqCst);
    }
    pub fn is_stopping(&self) -> bool {
        self.stop.load(SeqCst)
    }
    /// Take a checkpoint now.
    pub fn savepoint(&self) {
        self.savepoint.store(true, SeqCst);
    }
}

impl Control {
    /// `settled`: the number before the attempt's first.
    pub fn new(settled: u64, requests: Arc<Requests>, clock: Arc<dyn Clock>, outbox: Outbox) -> Self {
        Self {
            abort: AtomicBool::new(false),
            failure: Mutex::new(None),
            threads: Mutex::new(vec![]),
            restored: AtomicUsize::new(0),
            settled: AtomicU64::new(settled),
            cut: AtomicU64::new(settled),
            short_of_room: AtomicBool::new(false),
            done: AtomicBool::new(false),
            active: AtomicBool::new(false),
            requests,
            ticker: Mutex::new(None),
            outbox,
            released: Released::default(),
            over: Arc::default(),
            board: Board::default(),
            fronts: Fronts::default(),
            clock,
        }
    }

    /// Ends the attempt with an error; the first one counts.
    pub fn fail(&self, whence: &str, error: BoxError) {
        let kind = match &error {
            e if e.is::<Fatal>() => FailureKind::Refused,
            e if e.is::<super::failpoint::Killed>() => FailureKind::Killed,
            _ => FailureKind::Broken,
        };
        let text = error.to_string();
        let what = if text.contains(whence) { text } else { format!("{whence}: {text}") };
        self.fail_as(what, kind);
    }

    pub fn fail_as(&self, what: String, kind: FailureKind) {
        let mut failure = locked(&self.failure);
        if !self.abort.swap(true, SeqCst) {
            self.outbox.fail(&what, kind);
            self.end_in_time(&what);
            *failure = Some(Failure { what, kind });
        }
        drop(failure);
        self.wake_all();
    }

    /// A worker that is stuck in user code, or whatever else does not end, would keep its process, which the others wait
    /// for in vain.
    fn end_in_time(&self, what: &str) {
        if self.outbox.is_alone() {
            return;
        }
        let (over, what) = (Arc::clone(&self.over), what.to_string());
        let wait = move || {
            if !over.wait_at_most(ENDS_WITHIN) {
                tracing::error!("{what}; a worker has not ended within {ENDS_WITHIN:?}, so the process does");
                std::process::exit(LOST_CODE);
            }
        };
        if let Err(e) = std::thread::Builder::new().name("millstream-end".into()).spawn(wait) {
            tracing::error!("no thread to watch the end of the workers: {e}");
        }
    }

    pub fn take_failure(&self) -> Option<Failure> {
        locked(&self.failure).take()
    }

    /// Whether the workers are to drop everything.
    pub fn is_aborted(&self) -> bool {
        self.abort.load(SeqCst)
    }

    /// Everything is durable and committed: the workers may go.
    pub fn finish(&self) {
        self.done.store(true, SeqCst);
        self.wake_all();
    }

    pub fn is_done(&self) -> bool {
        self.done.load(SeqCst)
    }

    /// The calling worker has its state. Waits until all `workers` of this process have theirs, or the attempt is over: a
    /// damaged checkpoint is found before any user code runs.
    pub fn wait_for_state(&self, workers: usize) {
        if self.restored.fetch_add(1, SeqCst) + 1 == workers {
            self.wake_all();
        }
        while self.restored.load(SeqCst) < workers && !self.is_aborted() {
            std::thread::park_timeout(Duration::from_secs(1));
        }
    }

    /// The calling thread is a worker's.
    pub fn register_thread(&self) {
        locked(&self.threads).push(std::thread::current());
    }

    pub fn wake_all(&self) {
        locked(&self.threads).iter().for_each(Thread::unpark);
    }

    pub fn set_ticker(&self, ticker: SyncActivator) {
        *locked(&self.ticker) = Some(ticker);
    }

    /// Wakes the ticker, from any thread.
    pub fn wake_ticker(&self) {
        if let Some(ticker) = locked(&self.ticker).as_ref() {
            let _ = ticker.activate(); // its worker is gone only when the attempt is over
        }
    }

    /// A source has records again after it had none: slices are short again.
    pub fn wake_up(&self) {
        if !self.outbox.leads() {
            self.outbox.to_leader(&Message::WokeUp);
        } else if !self.active.swap(true, SeqCst) {
            self.wake_ticker();
        }
    }

    /// Another process was asked to stop the run.
    pub fn stop(&self) {
        self.requests.stop();
        self.wake_ticker();
    }

    /// No worker is left.
    pub fn release(&self) {
        self.released.release();
    }

    /// Nothing is left of the attempt in this process.
    pub fn end(&self) {
        self.over.release();
    }

    pub fn wait_until_released(&self) {
        self.released.wait();
    }

    /// Whether a source has woken up since this was last asked.
    pub fn has_woken_up(&self) -> bool {
        self.active.swap(false, SeqCst)
    }

    /// The newest checkpoint that is durable, or given up.
    pub fn settled(&self) -> u64 {
        self.settled.load(SeqCst)
    }

    pub fn settle(&self, n: u64) {
        self.settled.fetch_max(n, SeqCst);
        self.wake_ticker();
    }

    /// What the ticker is asked for.
    pub fn asked(&self) -> Option<Why> {
        match (self.requests.stop.load(SeqCst), self.requests.savepoint.load(SeqCst)) {
            (true, _) => Some(Why::Stop),
            (false, true) => Some(Why::Savepoint),
            (false, false) => self.short_of_room.load(SeqCst).then_some(Why::Interval),
        }
    }

    /// A sink has little room for more of the open interval.
    pub fn ask_for_room(&self) {
        if self.short_of_room.swap(true, SeqCst) {
            return; // asked already
        }
        match self.outbox.leads() {
            true => self.wake_ticker(),
            false => self.outbox.to_leader(&Message::ShortOfRoom),
        }
    }

    /// Whether interval `n` has ended at the ticker, as far as this process knows: its last records are on their way.
    pub fn has_cut(&self, n: u64) -> bool {
        self.cut.load(SeqCst) >= n
    }

    /// Interval `n` has ended at the ticker, or a tick has told so; `u64::MAX` where the open one is the last.
    pub fn note_cut(&self, n: u64) {
        if self.cut.fetch_max(n, SeqCst) < n {
            self.short_of_room.store(false, SeqCst);
            self.board.note_cut(n);
        }
    }

    /// The ticker has cut for this reason.
    pub fn taken(&self, why: Why) {
        if why != Why::Interval {
            self.requests.savepoint.store(false, SeqCst);
        }
    }
}

/// A lock that a panic elsewhere does not spread through.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
