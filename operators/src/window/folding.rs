//! What arrives at a window operator, and how it comes to results: partial accumulators, records, or records for two
//! closures.
use super::{Windowed, combine::Partial};
use crate::aggregate::Aggregate;
use crate::stream::Either;
use millstream_runtime::BoxError;
use millstream_runtime::data::{Data, Key, State};
use millstream_runtime::time::Timestamp;
use std::marker::PhantomData;
use std::rc::Rc;

/// The event times of what arrives, and how many records it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reach {
    pub first: Timestamp,
    pub last: Timestamp,
    pub records: u64,
}

/// How arrivals become results.
pub(super) trait Folding<K>: 'static {
    /// What arrives, beside its key.
    type In: Data;
    /// What is kept.
    type Acc: State;
    /// What it comes to.
    type Out: Data;
    /// What the operator hands on: results, and late records where they are asked for.
    type Emitted: Data;

    /// `at` is the event time that travels beside the arrival. None where it has none.
    fn reach(&self, arrived: &Self::In, at: Option<Timestamp>) -> Option<Reach>;
    /// Of a first arrival.
    fn start(&mut self, arrived: Self::In) -> Self::Acc;
    fn add(&mut self, acc: &mut Self::Acc, arrived: Self::In);
    /// The result of a window that consists of these panes; none of no pane.
    fn result<'a>(&self, panes: impl Iterator<Item = &'a Self::Acc>) -> Option<Self::Out>;
    fn emitted(&self, result: Windowed<K, Self::Out>) -> Self::Emitted;
    /// What becomes of an arrival that is too late; none where it is only counted.
    fn late(&self, arrived: Self::In) -> Option<Self::Emitted>;
}

/// Where accumulators can be merged.
pub(super) trait Merging<K>: Folding<K> {
    fn merge(&self, into: &mut Self::Acc, other: Self::Acc);
}

/// Accumulators that were combined before the exchange. Late ones are counted.
pub(super) struct Partials<T, A> {
    pub aggregate: Rc<A>,
    pub of: PhantomData<fn(T)>,
}

/// Records one by one. Late ones are handed on.
pub(super) struct Records<T, A> {
    pub aggregate: Rc<A>,
    pub of: PhantomData<fn(T)>,
}

/// Records for two closures. Late ones are handed on.
pub(super) struct Closures<T, I, F> {
    pub init: I,
    pub add: F,
    pub of: PhantomData<fn(T)>,
}

impl<K: Key, T: Data, A: Aggregate<T>> Folding<K> for Partials<T, A> {
    type In = Partial<A::Acc>;
    type Acc = A::Acc;
    type Out = A::Out;
    type Emitted = Windowed<K, A::Out>;

    fn reach(&self, arrived: &Self::In, _at: Option<Timestamp>) -> Option<Reach> {
        Some(arrived.reach())
    }
    fn start(&mut self, arrived: Self::In) -> A::Acc {
        arrived.acc
    }
    fn add(&mut self, acc: &mut A::Acc, arrived: Self::In) {
        self.aggregate.merge(acc, arrived.acc);
    }
    fn result<'a>(&self, panes: impl Iterator<Item = &'a A::Acc>) -> Option<A::Out> {
        merged(&*self.aggregate, panes)
    }
    fn emitted(&self, result: Windowed<K, A::Out>) -> Self::Emitted {
        result
    }
    fn late(&self, _arrived: Self::In) -> Option<Self::Emitted> {
        None
    }
}

impl<K: Key, T: Data, A: Aggregate<T>> Merging<K> for Partials<T, A> {
    fn merge(&self, into: &mut A::Acc, other: A::Acc) {
        self.aggregate.merge(into, other);
    }
}

impl<K: Key, T: Data, A: Aggregate<T>> Folding<K> for Records<T, A> {
    type In = T;
    type Acc = A::Acc;
    type Out = A::Out;
    type Emitted = Either<Windowed<K, A::Out>, T>;

    fn reach(&self, _arrived: &T, at: Option<Timestamp>) -> Option<Reach> {
        one(at)
    }
    fn start(&mut self, arrived: T) -> A::Acc {
        let mut acc = self.aggregate.init();
        self.aggregate.add(&mut acc, &arrived);
        acc
    }
    fn add(&mut self, acc: &mut A::Acc, arrived: T) {
        self.aggregate.add(acc, &arrived);
    }
    fn result<'a>(&self, panes: impl Iterator<Item = &'a A::Acc>) -> Option<A::Out> {
        merged(&*self.aggregate, panes)
    }
    fn emitted(&self, result: Windowed<K, A::Out>) -> Self::Emitted {
        Either::Left(result)
    }
    fn late(&self, arrived: T) -> Option<Self::Emitted> {
        Some(Either::Right(arrived))
    }
}

impl<K: Key, T: Data, A: Aggregate<T>> Merging<K> for Records<T, A> {
    fn merge(&self, into: &mut A::Acc, other: A::Acc) {
        self.aggregate.merge(into, other);
    }
}

impl<K: Key, T: Data, S: State, I, F> Folding<K> for Closures<T, I, F>
where
    I: Fn() -> S + 'static,
    F: FnMut(&mut S, T) + 'static,
{
    type In = T;
    type Acc = S;
    type Out = S;
    type Emitted = Either<Windowed<K, S>, T>;

    fn reach(&self, _arrived: &T, at: Option<Timestamp>) -> Option<Reach> {
        one(at)
    }
    fn start(&mut self, arrived: T) -> S {
        let mut acc = (self.init)();
        (self.add)(&mut acc, arrived);
        acc
    }
    fn add(&mut self, acc: &mut S, arrived: T) {
        (self.add)(acc, arrived);
    }
    /// Windows that never merge have one pane.
    fn result<'a>(&self, mut panes: impl Iterator<Item = &'a S>) -> Option<S> {
        panes.next().cloned()
    }
    fn emitted(&self, result: Windowed<K, S>) -> Self::Emitted {
        Either::Left(result)
    }
    fn late(&self, arrived: T) -> Option<Self::Emitted> {
        Some(Either::Right(arrived))
    }
}

/// Says that records have no event time.
pub(super) fn untimed(uid: &str) -> BoxError {
    format!(
        "{uid:?} has windows, and records came without event times: something between .event_time(..) and .key_by(..) \
         drops them"
    )
    .into()
}

fn one(at: Option<Timestamp>) -> Option<Reach> {
    at.map(|at| Reach { first: at, last: at, records: 1 })
}

fn merged<'a, T, A: Aggregate<T>>(aggregate: &A, mut panes: impl Iterator<Item = &'a A::Acc>) -> Option<A::Out> {
    let first = panes.next()?;
    let Some(second) = panes.next() else { return Some(aggregate.finish(first)) };
    let mut all = first.clone();
    aggregate.merge(&mut all, second.clone());
    panes.for_each(|pane| aggregate.merge(&mut all, pane.clone()));
    Some(aggregate.finish(&all))
}
