//! `process_fn` and `reduce`: one value of state and a closure.
use crate::Stream;
use crate::keyed::Keyed;
use crate::process::{Context, build_of};
use crate::process_logic::{Handler, ProcessLogic};
use millstream_runtime::batch::Batch;
use millstream_runtime::data::{Data, Key, State};
use millstream_runtime::graph::Rule;
use millstream_runtime::state::Value;
use millstream_runtime::time::Timestamp;
use std::marker::PhantomData;

/// What a closure process is called with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<T> {
    /// A record of the key.
    Record(T),
    /// A timer of the key, set for this time.
    Timer(Timestamp),
}

/// What a closure process emits to and sets timers on.
pub struct Out<U> {
    emitted: Batch<U>,
    timers: Vec<Timestamp>,
    /// Event time of the record or timer.
    time: Timestamp,
    /// Where there is event time.
    at: Option<Timestamp>,
    watermark: Timestamp,
}

impl<U> Out<U> {
    /// Emits a record, with the event time of the record or timer that is handled.
    #[inline]
    pub fn emit(&mut self, record: U) {
        self.emitted.push_with(record, self.at, None);
    }

    /// Sets a timer in event time; one for each key and time.
    pub fn timer_at(&mut self, time: impl Into<Timestamp>) {
        self.timers.push(time.into());
    }

    /// Event time of the record or of the timer.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// No record with an event time before this one follows.
    pub fn watermark(&self) -> Timestamp {
        self.watermark
    }
}

impl<K: 'static, T: 'static> Keyed<K, T> {
    /// One value of state and a closure, for the simple case. `S::default()` is a new key's state.
    #[track_caller]
    pub fn process_fn<S: State + Default, U: Data>(
        self,
        uid: &str,
        f: impl FnMut(&K, &mut S, Event<T>, &mut Out<U>) + 'static,
    ) -> Stream<U>
    where
        K: Key,
        T: Data,
    {
        let out = Out {
            emitted: Batch::default(),
            timers: vec![],
            time: Timestamp::MIN,
            at: None,
            watermark: Timestamp::MIN,
        };
        let closure = Closure { f, out, of: PhantomData };
        let build = build_of(move |init| Ok(Box::new(ProcessLogic::open(closure, init, "process_fn")?)));
        self.inner.behind(self.shuffled(uid).operator("process_fn", uid, Rule::Mixes, build))
    }

    /// All records of a key so far as one, emitted again with each record: `f` folds a record into what there is.
    #[track_caller]
    pub fn reduce(self, uid: &str, mut f: impl FnMut(T, T) -> T + 'static) -> Stream<T>
    where
        K: Key,
        T: State,
    {
        self.process_fn(uid, move |_key, all: &mut Option<T>, event, out| {
            let Event::Record(record) = event else { return };
            let folded = match all.take() {
                Some(before) => f(before, record),
                None => record,
            };
            out.emit(folded.clone());
            *all = Some(folded);
        })
    }
}

/// A closure with one value.
struct Closure<K, T, S, U, F> {
    f: F,
    out: Out<U>,
    of: PhantomData<fn(K, T, S)>,
}

impl<K: Key, T: Data, S: State + Default, U: Data, F> Closure<K, T, S, U, F>
where
    F: FnMut(&K, &mut S, Event<T>, &mut Out<U>) + 'static,
{
    #[inline]
    fn call(&mut self, event: Event<T>, ctx: &mut Context<K, Value<S>, (), U>) {
        self.out.time = ctx.time();
        self.out.at = ctx.time;
        self.out.watermark = ctx.watermark();
        (self.f)(&ctx.key, ctx.state.dirty(), event, &mut self.out);
        if !self.out.timers.is_empty() {
            self.out.timers.drain(..).for_each(|time| ctx.timer_at(time, ()));
        }
    }
}

impl<K: Key, T: Data, S: State + Default, U: Data, F> Handler for Closure<K, T, S, U, F>
where
    F: FnMut(&K, &mut S, Event<T>, &mut Out<U>) + 'static,
{
    type Key = K;
    type Left = T;
    type Right = ();
    type Out = U;
    type State = Value<S>;
    type Timer = ();

    fn left(&mut self, record: T, ctx: &mut Context<K, Value<S>, (), U>) {
        self.call(Event::Record(record), ctx);
    }
    fn right(&mut self, (): (), _ctx: &mut Context<K, Value<S>, (), U>) {}
    fn take_out(&mut self, _ctx: &mut Context<K, Value<S>, (), U>) -> Batch<U> {
        self.out.emitted.renew()
    }
    fn timer(&mut self, _timer: (), ctx: &mut Context<K, Value<S>, (), U>) {
        self.call(Event::Timer(ctx.time()), ctx);
    }
}
