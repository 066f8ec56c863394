//! A sink to its driver, and the committer that makes visible what a durable checkpoint promised.
use super::logic::{Logic, Turn};
use crate::batch::Batch;
use crate::checkpoint::{Body, OperatorInfo, Section, SectionKind};
use crate::codec;
use crate::data::{Data, State};
use crate::parcel::Parcel;
use crate::run::failpoint;
use crate::sink::{Sink, StagedBy, Staging, Writer};
use crate::{BoxError, Result};
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
type Staged<C> = Rc<RefCell<BTreeMap<u64, Vec<C>>>>;

/// The interval that is being staged, and what stages it.
type Preparing<C> = (u64, Staging<Vec<C>>);

/// A sink's end in the dataflow.
pub(crate) struct SinkLogic<T: Data, S: Sink<T>> {
    uid: String,
    writer: S::Writer,
    staged: Staged<StagedBy<S, T>>,
    preparing: Option<Preparing<StagedBy<S, T>>>,
}

/// What a checkpoint tells of a sink.
pub(crate) fn info<T: Data, S: Sink<T>>(uid: &str) -> OperatorInfo {
    OperatorInfo { staged: Some(StagedBy::<S, T>::SCHEMA.stored()), ..OperatorInfo::new(uid, "sink") }
}

/// Opens a sink on a worker: its logic, and its committer, which has what `restored` promised to be committed by this
/// worker under number 0.
pub(crate) fn open<T: Data, S: Sink<T>>(
    uid: &str,
    sink: S,
    worker: usize,
    workers: usize,
    restored: &[Vec<u8>],
) -> Result<(SinkLogic<T, S>, Box<dyn Committer>)> {
    let mut promised: Vec<StagedBy<S, T>> = vec![];
    for section in restored {
        let part: Vec<StagedBy<S, T>> = codec::decode(section)
            .map_err(|e| format!("sink {uid:?}: what the checkpoint says is staged cannot be read: {e}"))?;
        promised.extend(part);
    }
    let writer = sink.open(worker, &promised).map_err(|e| say(uid, e))?;
    let mine = promised.into_iter().enumerate().filter(|(i, _)| i % workers == worker).map(|(_, c)| c).collect();
    let staged: Staged<_> = Rc::new(RefCell::new(BTreeMap::from([(0, mine)])));
    let committer = Commits {
        uid: uid.into(),
        sink: Rc::new(sink),
        staged: Rc::clone(&staged),
        waiting: VecDeque::new(),
        running: vec![],
    };
    Ok((SinkLogic { uid: uid.into(), writer, staged, preparing: None }, Box::new(committer)))
}

impl<T: Data, S: Sink<T>> Logic for SinkLogic<T, S> {
    fn on_batch(&mut self, _port: usize, batch: Parcel, _cx: &mut Turn<'_>) -> Result<()> {
        let mut batch: Batch<T> = batch.open()?;
        self.writer.write(&mut batch).map_err(|e| say(&self.uid, e))
    }

    fn freeze(&mut self, n: u64) -> Result<()> {
        self.preparing = Some((n, self.writer.prepare(n)));
        Ok(())
    }

    fn poll_snapshot(&mut self, task: &mut Context<'_>, _hurry: bool) -> Poll<Result<Vec<Section>>> {
        let Some((n, staging)) = &mut self.preparing else { return Poll::Ready(Ok(vec![])) };
        let Poll::Ready(staged) = staging.as_mut().poll(task) else { return Poll::Pending };
        let n = *n;
        self.preparing = None;
        Poll::Ready(staged.map_err(|e| say(&self.uid, e)).and_then(|staged| {
            failpoint::hit("prepare.after")?;
            let body = Body::Whole(codec::encode(&staged)?);
            self.staged.borrow_mut().insert(n, staged);
            Ok(vec![Section { uid: self.uid.clone(), kind: SectionKind::Staged, body }])
        }))
    }

    fn info(&mut self) -> OperatorInfo {
        info::<T, S>(&self.uid)
    }
}

/// Commits what one sink of one worker has staged. Lives outside the dataflow, which may be over before.
pub(crate) trait Committer {
    /// Starts to commit all that is staged for checkpoints up to `n`.
    fn commit(&mut self, n: u64);
    /// Goes on committing; ready when nothing is left to do.
    fn poll(&mut self, task: &mut Context<'_>) -> Poll<Result<()>>;
}

struct Commits<T: Data, S: Sink<T>> {
    uid: String,
    sink: Rc<S>,
    staged: Staged<StagedBy<S, T>>,
    waiting: VecDeque<StagedBy<S, T>>,
    running: Vec<Staging<()>>,
}

impl<T: Data, S: Sink<T>> Committer for Commits<T, S> {
    fn commit(&mut self, n: u64) {
        let mut staged = self.staged.borrow_mut();
        let later = staged.split_off(&(n + 1));
        self.waiting.extend(std::mem::replace(&mut *staged, later).into_values().flatten());
    }

    fn poll(&mut self, task: &mut Context<'_>) -> Poll<Result<()>> {
        loop {
            while self.running.len() < COMMITS_AT_ONCE {
                let Some(staged) = self.waiting.pop_front() else { break };
                self.running.push(Box::pin(commit_one::<T, S>(self.uid.clone(), Rc::clone(&self.sink), staged)));
            }
            let before = self.running.len();
            let mut failed = None;
            self.running.retain_mut(|commit| match commit.as_mut().poll(task) {
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

fn say(uid: &str, e: BoxError) -> BoxError {
    format!("sink {uid:?}: {e}").into()
}
