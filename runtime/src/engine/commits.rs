//! Makes visible what a durable checkpoint promised, lane by lane where a sink has lanes.
use super::sink::say;
use crate::Result;
use crate::data::Data;
use crate::run::failpoint;
use crate::sink::{Sink, StagedBy, Staging};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

/// So many commits of a sink run at once on a worker.
const COMMITS_AT_ONCE: usize = 16;
/// A commit is tried so often, with this wait doubled each time between.
const COMMIT_TRIES: u32 = 6;
const COMMIT_WAIT: Duration = Duration::from_millis(100);

/// What this worker has staged, by the number of its checkpoint.
pub(crate) type Staged<C> = Rc<RefCell<BTreeMap<u64, Vec<C>>>>;

/// The lane of a committable.
type LaneOf<C> = fn(&C) -> u64;

/// Commits what one sink of one worker has staged. Lives outside the dataflow, which may be over before.
pub(crate) trait Committer {
    /// Starts to commit all that is staged for checkpoints up to `n`.
    fn commit(&mut self, n: u64);
    /// What is committed now: the sink, and the first lane of those under way.
    fn under_way(&self) -> (&str, Option<u64>);
    /// Goes on committing; ready when nothing is left to do.
    fn poll(&mut self, task: &mut Context<'_>) -> Poll<Result<()>>;
}

/// See the module.
pub(crate) struct Commits<T: Data, S: Sink<T>> {
    uid: String,
    sink: Rc<S>,
    /// Where the sink has lanes.
    lane: Option<LaneOf<StagedBy<S, T>>>,
    staged: Staged<StagedBy<S, T>>,
    waiting: VecDeque<StagedBy<S, T>>,
    running: Vec<Running>,
}

/// A commit under way.
struct Running {
    lane: Option<u64>,
    commit: Staging<()>,
}

impl<T: Data, S: Sink<T>> Commits<T, S> {
    pub fn new(uid: &str, sink: S, staged: Staged<StagedBy<S, T>>) -> Self {
        let lane = sink.lanes().map(|lanes| lanes.staged);
        Self { uid: uid.into(), sink: Rc::new(sink), lane, staged, waiting: VecDeque::new(), running: vec![] }
    }

    /// Starts what may run beside what runs: of each lane one at a time, in order.
    fn start(&mut self) {
        let mut held: Vec<u64> = self.running.iter().filter_map(|r| r.lane).collect();
        let mut later = VecDeque::new();
        while let Some(staged) = self.waiting.pop_front() {
            let lane = self.lane.map(|lane| lane(&staged));
            if self.running.len() >= COMMITS_AT_ONCE || lane.is_some_and(|lane| held.contains(&lane)) {
                held.extend(lane);
                later.push_back(staged);
                continue;
            }
            held.extend(lane);
            let commit = Box::pin(commit_one::<T, S>(self.uid.clone(), Rc::clone(&self.sink), staged));
            self.running.push(Running { lane, commit });
        }
        self.waiting = later;
    }
}

impl<T: Data, S: Sink<T>> Committer for Commits<T, S> {
    fn commit(&mut self, n: u64) {
        let mut staged = self.staged.borrow_mut();
        let later = staged.split_off(&(n + 1));
        self.waiting.extend(std::mem::replace(&mut *staged, later).into_values().flatten());
    }

    fn under_way(&self) -> (&str, Option<u64>) {
        (&self.uid, self.running.first().and_then(|running| running.lane))
    }

    fn poll(&mut self, task: &mut Context<'_>) -> Poll<Result<()>> {
        loop {
            self.start();
            let before = self.running.len();
            let mut failed = None;
            self.running.retain_mut(|running| match running.commit.as_mut().poll(task) {
                Poll::Pending => true,
                Poll::Ready(result) => {
                    failed = failed.take().or(result.err());
                    false
                }
            });
            match (failed, self.running.is_empty() && self.waiting.is_empty()) {
                (Some(e), _) => return Poll::Ready(Err(e)),
                (None, true) => return Poll::Ready(Ok(())),
                (None, false) if self.running.len() == before => return Poll::Pending,
                (None, false) => {} // there is room for those that wait
            }
        }
    }
}

/// One commit, tried again with backoff; it is idempotent.
async fn commit_one<T: Data, S: Sink<T>>(uid: String, sink: Rc<S>, staged: StagedBy<S, T>) -> Result<()> {
    let mut wait = COMMIT_WAIT;
    failpoint::hit("commit.before")?;
    for left in (0..COMMIT_TRIES).rev() {
        match sink.commit(staged.clone()).await {
            Ok(()) => return failpoint::hit("commit.after"),
            Err(e) if left == 0 => return Err(say(&uid, e)),
            Err(e) => tracing::warn!("sink {uid:?}: a commit failed and is tried again in {wait:?}: {e}"),
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
    Ok(())
}
