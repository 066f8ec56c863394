//! `with`, then `map`, `flat_map` or `filter`: a broadcast beside a stream.
use super::Broadcast;
use super::copy::{Copy, View};
use crate::Stream;
use crate::flat_map::expand;
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::checkpoint::{OperatorInfo, Section};
use millstream_runtime::data::{Data, Key, State};
use millstream_runtime::graph::{OperatorBuild, OperatorInit, Rule};
use millstream_runtime::logic::{CopyHash, Logic, Turn};
use millstream_runtime::parcel::Parcel;
use std::marker::PhantomData;
use std::task::{Context, Poll};

/// A stream with a broadcast beside it.
#[must_use = "say what becomes of the records: `.map(..)`, `.flat_map(..)` or `.filter(..)`"]
pub struct With<T, K, V> {
    stream: Stream<T>,
    side: Broadcast<K, V>,
}

impl<T: 'static, K: Key, V: State> With<T, K, V> {
    pub(super) fn new(stream: Stream<T>, side: Broadcast<K, V>) -> Self {
        Self { stream, side }
    }

    /// One record for each record. Event times stay.
    #[track_caller]
    pub fn map<U: Data>(self, mut f: impl FnMut(T, &View<K, V>) -> U + 'static) -> Stream<U>
    where
        T: Data,
    {
        self.apply(move |batch, view| batch.map(|record| f(record, view)))
    }

    /// Any number of records for each record, with its event time.
    #[track_caller]
    pub fn flat_map<U: Data, I: IntoIterator<Item = U>>(
        self,
        mut f: impl FnMut(T, &View<K, V>) -> I + 'static,
    ) -> Stream<U>
    where
        T: Data,
    {
        self.apply(move |batch, view| expand(batch, |record| f(record, view)))
    }

    /// The records that hold.
    #[track_caller]
    pub fn filter(self, mut f: impl FnMut(&T, &View<K, V>) -> bool + 'static) -> Stream<T>
    where
        T: Data,
    {
        self.apply(move |mut batch: Batch<T>, view| {
            batch.retain(|record| f(record, view));
            batch
        })
    }

    #[track_caller]
    fn apply<U: Data>(self, f: impl FnMut(Batch<T>, &View<K, V>) -> Batch<U> + 'static) -> Stream<U>
    where
        T: Data,
    {
        let Self { stream, side } = self;
        let uid = side.uid.to_string();
        let make = Box::new(move |init: &OperatorInit<'_>| {
            let (own, copy) = (init.uid.into(), Copy::load(init, &uid)?);
            Ok(Box::new(WithLogic { uid: own, copy, f, of: PhantomData }) as Box<dyn Logic>)
        });
        let build = OperatorBuild { exchange: false, event_time: false, processing_time: false, end: false, make };
        stream.behind(stream.at.beside(&side.at, "with", Rule::Beside, build))
    }
}

struct WithLogic<T, U, K, V, F> {
    uid: String,
    copy: Copy<K, V>,
    f: F,
    of: PhantomData<fn(T) -> U>,
}

impl<T: Data, U: Data, K: Key, V: State, F> Logic for WithLogic<T, U, K, V, F>
where
    F: FnMut(Batch<T>, &View<K, V>) -> Batch<U> + 'static,
{
    fn on_batch(&mut self, port: usize, batch: Parcel, turn: &mut Turn<'_>) -> Result<()> {
        if port > 0 {
            let mut changes = Copy::changes(batch)?.into_iter();
            return changes.try_for_each(|change| self.copy.apply(change));
        }
        let made = (self.f)(batch.open()?, &self.copy.view);
        if made.is_empty() { Ok(()) } else { turn.emit(Parcel::new(made)) }
    }

    fn freeze(&mut self, _n: u64) -> Result<()> {
        Ok(()) // the writers have the state
    }

    fn poll_snapshot(&mut self, _task: &mut Context<'_>, _hurry: bool) -> Poll<Result<Vec<Section>>> {
        Poll::Ready(Ok(vec![]))
    }

    fn info(&mut self) -> OperatorInfo {
        OperatorInfo::new(&self.uid, "with")
    }

    fn copy_hash(&self) -> Option<CopyHash> {
        Some(self.copy.copy_hash())
    }
}
