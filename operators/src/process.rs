//! `process` and `process2`: user logic with several states and timers.
use crate::Stream;
use crate::keyed::{Keyed, SameKey};
use crate::process_logic::{One, ProcessLogic, Two};
use millstream_runtime::batch::Batch;
use millstream_runtime::data::{Data, Key, State};
use millstream_runtime::graph::{OperatorBuild, Rule};
use millstream_runtime::logic::Turn;
use millstream_runtime::state::{Domain, KeyedState, Timers};
use millstream_runtime::time::Timestamp;
use std::time::Duration;

/// State, timers with a payload, and output, for one key at a time. Use a struct for configuration and compiled rules;
/// what must survive a crash is in `State`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a process",
    label = "implement `Process` for it; a closure goes to `.process_fn(uid, |key, state, event, out| ..)`"
)]
pub trait Process: Sized + 'static {
    /// What records are grouped by.
    type Key: Key;
    /// The records.
    type In: Data;
    /// What it emits.
    type Out: Data;
    /// What it keeps for each key.
    type State: KeyedState;
    /// What a timer carries; `()` where there is none.
    type Timer: State;
    /// A record of the key in `ctx`.
    fn on_record(&mut self, record: Self::In, ctx: &mut Ctx<Self>);
    /// A timer of the key in `ctx` is due.
    fn on_timer(&mut self, _timer: Self::Timer, _ctx: &mut Ctx<Self>) {}
}

/// The same for two inputs that share state.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a process of two inputs",
    label = "implement `Process2` for it"
)]
pub trait Process2: Sized + 'static {
    /// What the records of both inputs are grouped by.
    type Key: Key;
    /// The records of the first input.
    type Left: Data;
    /// The records of the second.
    type Right: Data;
    /// What it emits.
    type Out: Data;
    /// What it keeps for each key.
    type State: KeyedState;
    /// What a timer carries; `()` where there is none.
    type Timer: State;
    /// A record of the first input.
    fn on_left(&mut self, record: Self::Left, ctx: &mut Ctx2<Self>);
    /// A record of the second input.
    fn on_right(&mut self, record: Self::Right, ctx: &mut Ctx2<Self>);
    /// A timer of the key in `ctx` is due.
    fn on_timer(&mut self, _timer: Self::Timer, _ctx: &mut Ctx2<Self>) {}
}

/// The context of a [`Process`].
pub type Ctx<P> = Context<<P as Process>::Key, <P as Process>::State, <P as Process>::Timer, <P as Process>::Out>;
/// The context of a [`Process2`].
pub type Ctx2<P> = Context<<P as Process2>::Key, <P as Process2>::State, <P as Process2>::Timer, <P as Process2>::Out>;

/// What a process sees while one record or timer is handled.
pub struct Context<K, S, M: State, O> {
    /// The key of the record or timer.
    pub key: K,
    /// The state of that key.
    pub state: S,
    pub(crate) timers: Timers<M>,
    pub(crate) time: Option<Timestamp>,
    pub(crate) out: Batch<O>,
    watermark: Timestamp,
    now: Timestamp,
    is_timed: bool,
    /// Timers set after the end of the input: nothing would fire them.
    dropped: u64,
}

impl<K, S, M: State, O> Context<K, S, M, O> {
    pub(crate) fn new(key: K, state: S, timers: Timers<M>) -> Self {
        let (watermark, now) = (Timestamp::MIN, Timestamp::MIN);
        Self { key, state, timers, time: None, out: Batch::default(), watermark, now, is_timed: false, dropped: 0 }
    }

    /// Before the records of a batch, or a timer.
    pub(crate) fn begin(&mut self, turn: &Turn<'_>, expected: usize) {
        (self.watermark, self.now, self.is_timed) = (turn.watermark, turn.now, turn.is_timed);
        self.out.reserve(expected);
    }

    /// Whether a timer can still fire: not after the end of the input.
    fn may_set(&mut self) -> bool {
        let over = self.watermark == Timestamp::MAX;
        if over {
            self.dropped += 1;
            if self.dropped == 1 {
                tracing::warn!("a timer was set after the end of the input, when nothing fires it any more: dropped");
            }
        }
        !over
    }

    /// Emits a record, with the event time of the record or timer that is handled.
    #[inline]
    pub fn emit(&mut self, record: O) {
        self.out.push_with(record, self.time, None);
    }

    /// Emits a record with an event time of its own. Not late for what follows is a time that is not before that of the
    /// record or timer at hand, and of a timer in event time also the millisecond before it: the last one that the timer
    /// has waited for.
    ///
    /// # Panics
    /// Without event time upstream: then no record has any. The job stops and says so.
    #[inline]
    pub fn emit_at(&mut self, record: O, time: Timestamp) {
        assert!(
            self.time.is_some(),
            "emit_at needs event time: call .event_time(|record| .., Watermark::bounded(..)) behind the source, or use emit"
        );
        self.out.push_with(record, Some(time), None);
    }

    /// Event time of the record or of the timer; of a timer in processing time, that. Where there is no event time,
    /// processing time.
    #[inline]
    pub fn time(&self) -> Timestamp {
        self.time.unwrap_or(self.now)
    }

    /// No record with an event time before this one follows.
    #[inline]
    pub fn watermark(&self) -> Timestamp {
        self.watermark
    }

    /// The time of the tick: monotonic, in the checkpoint.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Sets a timer in event time. One timer for each (key, time, payload).
    ///
    /// # Panics
    /// Without event time upstream: no watermark would ever fire it. The job stops and says so.
    pub fn timer_at(&mut self, time: Timestamp, timer: M) {
        assert!(
            self.is_timed,
            "timer_at needs event time: call .event_time(|record| .., Watermark::bounded(..)) behind the source, or set \
             the timer in processing time with timer_after"
        );
        if self.may_set() {
            self.timers.set(Domain::Event, time, &timer);
        }
    }

    /// Sets a timer in processing time, so long from now.
    pub fn timer_after(&mut self, wait: Duration, timer: M) {
        if self.may_set() {
            self.timers.set(Domain::Processing, self.now + wait, &timer);
        }
    }

    /// Sets a timer in processing time, when that has come.
    pub fn timer_when(&mut self, now: Timestamp, timer: M) {
        if self.may_set() {
            self.timers.set(Domain::Processing, now, &timer);
        }
    }

    /// Takes back a timer in event time that is not yet due.
    pub fn cancel(&mut self, time: Timestamp, timer: M) {
        self.timers.cancel(Domain::Event, time, &timer);
    }
}

impl<K: 'static, T: 'static> Keyed<K, T> {
    /// Several states, timers with a payload: a struct that implements [`Process`].
    #[track_caller]
    pub fn process<P: Process<Key = K, In = T>>(self, uid: &str, p: P) -> Stream<P::Out>
    where
        K: Key,
        T: Data,
    {
        let build = build_of(move |init| Ok(Box::new(ProcessLogic::open(One(p), init, "process")?)));
        self.inner.behind(self.shuffled(uid).operator("process", uid, Rule::Mixes, build))
    }

    /// Two inputs with one key type and one state: see [`Process2`].
    #[track_caller]
    pub fn process2<K2, R, P>(self, uid: &str, right: Keyed<K2, R>, p: P) -> Stream<P::Out>
    where
        K: Key,
        T: Data,
        K2: SameKey<K> + Key,
        R: Data,
        P: Process2<Key = K, Left = T, Right = R>,
    {
        let build = build_of(move |init| Ok(Box::new(ProcessLogic::open(Two(p), init, "process2")?)));
        let (left, right) = (self.shuffled(uid), right.shuffled(uid));
        self.inner.behind(left.meet(&right, "process2", uid, Rule::Mixes, build))
    }
}

type Made = millstream_runtime::Result<Box<dyn millstream_runtime::logic::Logic>>;

/// A keyed operator that needs both times, and whose timers at [`Timestamp::MAX`] fire at the end of the input, also
/// where there is no event time.
pub(crate) fn build_to_the_end(
    make: impl FnOnce(&millstream_runtime::graph::OperatorInit<'_>) -> Made + 'static,
) -> OperatorBuild {
    OperatorBuild { end: true, ..build_of(make) }
}

/// A keyed operator that needs both times.
pub(crate) fn build_of(
    make: impl FnOnce(&millstream_runtime::graph::OperatorInit<'_>) -> Made + 'static,
) -> OperatorBuild {
    OperatorBuild { exchange: true, event_time: true, processing_time: true, end: false, make: Box::new(make) }
}
