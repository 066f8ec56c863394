//! `iterate`: records go round until they are done, at most so many times.
//!
//! A loop is drained within each epoch: at a checkpoint nothing goes round, so only the keyed state of its body is in it.
//! Each record carries how often it has begun the body; that is no user's business, so a body sees a [`Round`].
use crate::Stream;
use crate::dead_letter::DeadLetter;
use crate::fallible::Fallible;
use crate::keyed::Keyed;
use crate::process::Context;
use crate::process_logic::{Handler, ProcessLogic};
use crate::split::empty;
use crate::stages::{Divide, Two};
use crate::stream::Either;
use millstream_runtime::Result;
use millstream_runtime::batch::{Batch, Parts};
use millstream_runtime::data::{Data, Key, State};
use millstream_runtime::graph::{OperatorBuild, OperatorInit, Rule};
use millstream_runtime::logic::Logic;
use millstream_runtime::state::Value;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;
use std::rc::Rc;

/// A record and how often it has begun the body before.
type Turned<T> = (u32, T);

/// A stream inside a loop: stateless verbs and keyed state, no time.
#[must_use = "return it from the loop's body"]
pub struct Round<T> {
    inner: Stream<Turned<T>>,
}

/// What a body says of each record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step<T, U> {
    /// It goes round again.
    Again(T),
    /// It leaves the loop.
    Done(U),
}

impl<T: 'static> Stream<T> {
    /// Records go through `body` again and again, until it says that they are done; what is not after `rounds` of them has
    /// failed. All of it happens before the epoch is over, in which the record came: keep `rounds` as low as it may be.
    /// Event times stay with the records; inside there are none:
    ///
    /// ```rust,compile_fail
    /// use millstream_operators::Stream;
    /// use millstream_operators::iterate::{Round, Step};
    /// use millstream_runtime::time::Watermark;
    /// fn looped(numbers: Stream<u64>) -> Stream<u64> {
    ///     let timed = |round: Round<u64>| round.event_time(|n: &u64| *n, Watermark::ascending());
    ///     numbers.iterate("loop", 9, |round| timed(round).map(Step::<u64, u64>::Done)).or_fail()
    /// }
    /// ```
    ///
    /// ```
    /// use millstream_operators::{Stream, iterate::Step};
    /// /// How many steps it takes until a number is 1, by the rule of Collatz.
    /// fn steps(numbers: Stream<u64>) -> Stream<u64> {
    ///     let begun = numbers.map(|n| (n.max(1), 0));
    ///     let counted = begun.iterate("collatz", 500, |round| {
    ///         round.map(|(n, steps)| match n {
    ///             1 => Step::Done(steps),
    ///             n if n % 2 == 0 => Step::Again((n / 2, steps + 1)),
    ///             n => Step::Again((3 * n + 1, steps + 1)),
    ///         })
    ///     });
    ///     counted.or_fail()
    /// }
    /// ```
    #[track_caller]
    pub fn iterate<U: Data>(
        self,
        uid: &str,
        rounds: u32,
        body: impl FnOnce(Round<T>) -> Round<Step<T, U>>,
    ) -> Fallible<U>
    where
        T: Data,
    {
        let entering: Stream<Turned<T>> = self.map(|record| (0, record));
        let head = entering.behind(entering.at.open_loop(uid));
        let last = body(Round { inner: head }).inner;
        let turn = last.at.stage("turn", Rule::Keeps, move |mut init| {
            Two::boxed(Turn { rounds, of: PhantomData::<fn(T) -> U> }, init.next(0), init.next(1))
        });
        let left = last.behind::<Either<U, T>>(turn.close_loop());
        let decided = left.fallible("iterate", move |left, out| match left {
            Either::Left(done) => {
                out.push(done);
                Ok(())
            }
            Either::Right(record) => Err(DeadLetter::of(&record, format!("not done after {rounds} rounds"))),
        });
        decided.named(&format!("iterate {uid:?}"))
    }
}

impl<T: 'static> Round<T> {
    /// One record for each record.
    #[track_caller]
    pub fn map<U: Data>(self, mut f: impl FnMut(T) -> U + 'static) -> Round<U>
    where
        T: Data,
    {
        Round { inner: self.inner.map(move |(round, record)| (round, f(record))) }
    }

    /// The records that hold; the others are neither done nor go round again.
    #[track_caller]
    pub fn filter(self, mut f: impl FnMut(&T) -> bool + 'static) -> Round<T>
    where
        T: Data,
    {
        Round { inner: self.inner.filter(move |(_, record)| f(record)) }
    }

    /// Any number of records for each record.
    #[track_caller]
    pub fn flat_map<U: Data, I: IntoIterator<Item = U>>(self, mut f: impl FnMut(T) -> I + 'static) -> Round<U>
    where
        T: Data,
    {
        let all = move |(round, record)| f(record).into_iter().map(move |made| (round, made));
        Round { inner: self.inner.flat_map(all) }
    }

    /// Keyed state, kept from epoch to epoch: `f` returns what goes on. `S::default()` is a new key's state.
    ///
    /// ```
    /// use millstream_operators::{Stream, iterate::Step};
    /// use std::collections::BTreeSet;
    /// /// The nodes that can be reached from 0, each once, as edges come.
    /// fn reached(edges: Stream<(u64, u64)>) -> Stream<u64> {
    ///     /// What a node hears.
    ///     #[derive(Clone, serde::Serialize, serde::Deserialize)]
    ///     enum News { Edge(u64, u64), Reached(u64) }
    ///     let news = edges.map(|(from, to)| News::Edge(from, to));
    ///     let found = news.iterate("reach", 1_000, |round| {
    ///         let node = |news: &News| match news { News::Edge(node, _) | News::Reached(node) => *node };
    ///         round.stateful("nodes", node, |node, (reached, behind): &mut (bool, BTreeSet<u64>), news| {
    ///             let was = *reached;
    ///             *reached |= *node == 0 || matches!(news, News::Reached(_));
    ///             let told = match news {
    ///                 News::Edge(_, to) if behind.insert(to) && was => vec![to],
    ///                 _ if *reached && !was => behind.iter().copied().collect(),
    ///                 _ => vec![],
    ///             };
    ///             let is_new = (*reached && !was).then_some(Step::Done(*node));
    ///             told.into_iter().map(|to| Step::Again(News::Reached(to))).chain(is_new).collect::<Vec<_>>()
    ///         })
    ///     });
    ///     found.or_fail()
    /// }
    /// ```
    #[track_caller]
    pub fn stateful<K: Key, S: State + Default, U: Data, I: IntoIterator<Item = U>>(
        self,
        uid: &str,
        key: impl Fn(&T) -> K + 'static,
        f: impl FnMut(&K, &mut S, T) -> I + 'static,
    ) -> Round<U>
    where
        T: Data,
    {
        let handler = Stateful { f, of: PhantomData::<fn(K, S, T) -> U> };
        let make = Box::new(move |init: &OperatorInit<'_>| {
            Ok(Box::new(ProcessLogic::open(handler, init, "stateful")?) as Box<dyn Logic>)
        });
        let build = OperatorBuild { exchange: true, event_time: false, processing_time: false, end: false, make };
        let keyed = Keyed::new(self.inner, Rc::new(move |(_, record): &Turned<T>| key(record)));
        Round { inner: keyed.inner.behind(keyed.shuffled(uid).operator("stateful", uid, Rule::Mixes, build)) }
    }

    /// Not there: what goes round has no time of its own.
    #[doc(hidden)]
    pub fn event_time<F, W>(self, _f: F, _w: W) -> Self
    where
        Self: Timed,
    {
        self
    }

    /// Not there: keyed state is `stateful`'s.
    #[doc(hidden)]
    pub fn key_by<F>(self, _f: F) -> Self
    where
        Self: Timed,
    {
        self
    }
}

#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "there are no windows, timers and event time inside a loop",
    label = "keep state with `.stateful(uid, key, f)`, or do this before or after `iterate`"
)]
pub trait Timed {}

/// The closure of [`Round::stateful`].
struct Stateful<K, S, T, U, F> {
    f: F,
    of: PhantomData<fn(K, S, T) -> U>,
}

impl<K: Key, S: State + Default, T: Data, U: Data, I: IntoIterator<Item = U>, F> Handler for Stateful<K, S, T, U, F>
where
    F: FnMut(&K, &mut S, T) -> I + 'static,
{
    type Key = K;
    type Left = Turned<T>;
    type Right = ();
    type Out = Turned<U>;
    type State = Value<S>;
    type Timer = ();
    fn left(&mut self, (round, record): Turned<T>, ctx: &mut Context<K, Value<S>, (), Turned<U>>) {
        let made = (self.f)(&ctx.key, ctx.state.dirty(), record);
        made.into_iter().for_each(|made| ctx.emit((round, made)));
    }
    fn right(&mut self, (): (), _ctx: &mut Context<K, Value<S>, (), Turned<U>>) {}
    fn timer(&mut self, (): (), _ctx: &mut Context<K, Value<S>, (), Turned<U>>) {}
}

/// What goes round again, and what leaves: what is done, or has gone round too often.
struct Turn<T, U> {
    rounds: u32,
    of: PhantomData<fn(T) -> U>,
}

impl<T: Data, U: Data> Divide<Turned<Step<T, U>>, Turned<T>, Either<U, T>> for Turn<T, U> {
    fn apply(&mut self, batch: Batch<Turned<Step<T, U>>>) -> Result<(Batch<Turned<T>>, Batch<Either<U, T>>)> {
        let Parts { records, times, .. } = batch.into_parts();
        let (mut again, mut left) = (empty(None), empty(None));
        for (i, (round, step)) in records.into_iter().enumerate() {
            let at = times.get(i).copied();
            match step {
                Step::Again(record) if round + 1 < self.rounds => again.push_with((round + 1, record), at, None),
                Step::Again(record) => left.push_with(Either::Right(record), at, None),
                Step::Done(done) => left.push_with(Either::Left(done), at, None),
            }
        }
        Ok((again, left))
    }
}
