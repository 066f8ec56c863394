//! A sink to its driver.
use super::commits::{Commits, Committer, Staged};
use super::logic::{Logic, Turn};
use crate::batch::Batch;
use crate::checkpoint::{Body, OperatorInfo, Section, SectionKind};
use crate::codec;
use crate::data::{Data, State};
use crate::parcel::Parcel;
use crate::run::failpoint;
use crate::run::restored::Restored;
use crate::sink::{Room, Sink, SinkName, StagedBy, Staging, Writer};
use crate::source::Waker;
use crate::{BoxError, Result};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::{Context, Poll};

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

/// Where a sink is opened, and what the checkpoint knows of it.
pub(crate) struct Opening<'a> {
    pub name: SinkName,
    pub worker: usize,
    pub restored: Option<&'a Restored>,
}

/// Opens a sink on a worker: its logic, and its committer, which has what the checkpoint promised to be committed by this
/// worker under number 0.
pub(crate) fn open<T: Data, S: Sink<T>>(at: Opening<'_>, mut sink: S) -> Result<(SinkLogic<T, S>, Box<dyn Committer>)> {
    let uid = at.name.uid.clone();
    sink.named(&at.name);
    let promised = promised::<T, S>(&at)?;
    let writer = sink.open(at.worker, &promised).map_err(|e| say(&uid, e))?;
    let mine = own_share::<T, S>(&at, &sink, promised)?;
    let staged: Staged<_> = Rc::new(RefCell::new(BTreeMap::from([(0, mine)])));
    let committer = Commits::<T, S>::new(&uid, sink, Rc::clone(&staged));
    Ok((SinkLogic { uid, writer, staged, preparing: None }, Box::new(committer)))
}

/// What the checkpoint promised, of all workers, without the bulk.
fn promised<T: Data, S: Sink<T>>(at: &Opening<'_>) -> Result<Vec<StagedBy<S, T>>> {
    let uid = &at.name.uid;
    let mut promised: Vec<StagedBy<S, T>> = vec![];
    for section in at.restored.map_or(Ok(vec![]), |restored| restored.staged(uid))? {
        let part: Vec<StagedBy<S, T>> = codec::decode(&section)
            .map_err(|e| format!("sink {uid:?}: what the checkpoint says is staged cannot be read: {e}"))?;
        promised.extend(part);
    }
    Ok(promised)
}

/// What this worker commits of it, with the bulk.
fn own_share<T: Data, S: Sink<T>>(
    at: &Opening<'_>,
    sink: &S,
    promised: Vec<StagedBy<S, T>>,
) -> Result<Vec<StagedBy<S, T>>> {
    let (uid, all) = (&at.name.uid, promised.len());
    let bulks = at.restored.map_or(0, |restored| restored.bulks(uid));
    if bulks != 0 && bulks != all {
        return Err(format!("sink {uid:?}: the checkpoint names {all} outputs and has the bytes of {bulks}").into());
    }
    let lane = sink.lanes().map(|lanes| lanes.staged);
    let mut mine = vec![];
    for (i, mut staged) in promised.into_iter().enumerate() {
        let place = lane.map_or(i as u64, |lane| lane(&staged));
        if place % at.name.workers as u64 != at.worker as u64 {
            continue;
        }
        if let Some(restored) = at.restored.filter(|_| bulks > 0) {
            S::Writer::attach(&mut staged, restored.bulk(uid, i)?);
        }
        mine.push(staged);
    }
    Ok(mine)
}

impl<T: Data, S: Sink<T>> SinkLogic<T, S> {
    /// The sections of a checkpoint: what is staged, and the bulk of each committable.
    fn sections(&self, staged: &[StagedBy<S, T>]) -> Result<Vec<Section>> {
        let mut small = staged.to_vec();
        let bulk: Vec<_> = small.iter_mut().filter_map(S::Writer::detach).collect();
        let section = |kind, body| Section { uid: self.uid.clone(), kind, body };
        let mut sections = vec![section(SectionKind::Staged, Body::Whole(codec::encode(&small)?))];
        sections.extend(bulk.into_iter().map(|chunks| section(SectionKind::Bulk, Body::Chunks(chunks))));
        Ok(sections)
    }
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
            let sections = self.sections(&staged)?;
            self.staged.borrow_mut().insert(n, staged);
            Ok(sections)
        }))
    }

    fn info(&mut self) -> OperatorInfo {
        info::<T, S>(&self.uid)
    }

    fn room(&self) -> Room {
        self.writer.room()
    }

    fn wake_by(&mut self, waker: Waker) {
        self.writer.wake_by(waker);
    }
}

/// An error of a sink, with its uid.
pub(super) fn say(uid: &str, e: BoxError) -> BoxError {
    format!("sink {uid:?}: {e}").into()
}
