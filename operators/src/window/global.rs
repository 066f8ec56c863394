//! Global windows: one for each key, without an end; a trigger says when it gives a result.
use super::trigger::{Alarms, Fire, Moment, Trigger};
use crate::Stream;
use crate::aggregate::Aggregate;
use crate::keyed::Keyed;
use crate::process::{Context, build_to_the_end};
use crate::process_logic::{Handler, ProcessLogic};
use millstream_runtime::data::{Data, Key, State};
use millstream_runtime::graph::Rule;
use millstream_runtime::state::{Domain, Value};
use millstream_runtime::time::Timestamp;
use millstream_runtime::{KeyedState, State};
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

/// A keyed stream in one window for each key; an aggregate ends it.
#[must_use = "a window without an aggregate does nothing"]
pub struct GlobalWindows<K, T, G> {
    keyed: Keyed<K, T>,
    trigger: G,
    purges: bool,
}

/// One result of a global window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, State)]
pub struct Fired<K, V> {
    /// What the records have in common.
    pub key: K,
    /// How many they are.
    pub records: u64,
    /// What they come to.
    pub value: V,
}

impl<K: 'static, T: 'static> Keyed<K, T> {
    /// All records of a key in one window, without an end: `trigger` says when it gives a result, see [`Every`]. What has
    /// come since the last result gives one more at the end of the input.
    ///
    /// [`Every`]: super::Every
    #[track_caller]
    pub fn global_window<G: Trigger<T>>(self, trigger: G) -> GlobalWindows<K, T, G> {
        let rule = if trigger.needs_event_time() { Rule::NeedsTime } else { Rule::Mixes };
        let inner = self.inner.behind(self.inner.at.pass("global_window", rule));
        GlobalWindows { keyed: Keyed::new(inner, self.key), trigger, purges: false }
    }
}

impl<K: Key, T: Data, G: Trigger<T>> GlobalWindows<K, T, G> {
    /// Begins anew with each result. Otherwise each result is of all records so far.
    pub fn purging(mut self) -> Self {
        self.purges = true;
        self
    }

    /// One aggregate or a tuple of up to six. The result has the event time of the record, or of the time, that fired it.
    #[track_caller]
    pub fn aggregate<A: Aggregate<T>>(self, uid: &str, aggregate: A) -> Stream<Fired<K, A::Out>> {
        let alarms = Alarms::default();
        let window =
            Global::<K, T, A, G> { aggregate, trigger: self.trigger, purges: self.purges, alarms, of: PhantomData };
        let build = build_to_the_end(move |init| Ok(Box::new(ProcessLogic::open(window, init, "global_window")?)));
        self.keyed.inner.behind(self.keyed.shuffled(uid).operator("global_window", uid, Rule::Mixes, build))
    }
}

#[derive(KeyedState)]
struct GlobalState<A: State, S: State> {
    acc: Value<A>,
    trigger: Value<S>,
    seen: Value<Seen>,
}

#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Seen {
    /// In the window.
    records: u64,
    /// Since the last result.
    fresh: u64,
    newest: Option<Timestamp>,
}

#[derive(Clone, Serialize, Deserialize, State)]
enum Wake {
    Trigger,
    End,
}

struct Global<K, T, A, G> {
    aggregate: A,
    trigger: G,
    purges: bool,
    alarms: Alarms,
    of: PhantomData<fn(K, T)>,
}

type GlobalContext<K, T, A, G> = Context<
    K,
    GlobalState<<A as Aggregate<T>>::Acc, <G as Trigger<T>>::State>,
    Wake,
    Fired<K, <A as Aggregate<T>>::Out>,
>;

impl<K: Key, T: Data, A: Aggregate<T>, G: Trigger<T>> Global<K, T, A, G> {
    /// Asks the trigger, and does what it says.
    fn ask(&mut self, record: Option<&T>, ctx: &mut GlobalContext<K, T, A, G>) {
        let records = ctx.state.seen.get().map_or(0, |seen| seen.records);
        let (watermark, now) = (ctx.watermark(), ctx.now());
        let mut moment = Moment { time: ctx.time, watermark, now, records, alarms: &mut self.alarms };
        let mut kept = ctx.state.trigger.take().unwrap_or_default();
        let fire = match record {
            Some(record) => self.trigger.on_record(record, &mut kept, &mut moment),
            None => self.trigger.on_wake(&mut kept, &mut moment),
        };
        ctx.state.trigger.set(kept);
        self.alarms.event.drain(..).for_each(|at| ctx.timer_at(at, Wake::Trigger));
        self.alarms.processing.drain(..).for_each(|at| ctx.timer_when(at, Wake::Trigger));
        match fire {
            Fire::No => {}
            Fire::Emit if !self.purges => self.emit(ctx),
            Fire::Emit | Fire::EmitAndPurge => {
                self.emit(ctx);
                purge(&mut ctx.state);
            }
        }
    }

    fn emit(&mut self, ctx: &mut GlobalContext<K, T, A, G>) {
        let Some(acc) = ctx.state.acc.get() else { return };
        let (key, value) = (ctx.key.clone(), self.aggregate.finish(acc));
        let seen = ctx.state.seen.dirty();
        seen.fresh = 0;
        let records = seen.records;
        ctx.emit(Fired { key, records, value });
    }
}

fn purge<A: State, S: State>(state: &mut GlobalState<A, S>) {
    state.acc.clear();
    state.trigger.clear();
    state.seen.clear();
}

impl<K: Key, T: Data, A: Aggregate<T>, G: Trigger<T>> Handler for Global<K, T, A, G> {
    type Key = K;
    type Left = T;
    type Right = ();
    type Out = Fired<K, A::Out>;
    type State = GlobalState<A::Acc, G::State>;
    type Timer = Wake;

    fn left(&mut self, record: T, ctx: &mut GlobalContext<K, T, A, G>) {
        let mut acc = ctx.state.acc.take().unwrap_or_else(|| self.aggregate.init());
        self.aggregate.add(&mut acc, &record);
        ctx.state.acc.set(acc);
        let mut seen = ctx.state.seen.take().unwrap_or_default();
        if seen.records == 0 {
            ctx.timers.set(Domain::Event, Timestamp::MAX, &Wake::End);
        }
        (seen.records, seen.fresh, seen.newest) = (seen.records + 1, seen.fresh + 1, seen.newest.max(ctx.time));
        ctx.state.seen.set(seen);
        self.ask(Some(&record), ctx);
    }

    fn right(&mut self, (): (), _ctx: &mut GlobalContext<K, T, A, G>) {}

    fn timer(&mut self, wake: Wake, ctx: &mut GlobalContext<K, T, A, G>) {
        let Some(seen) = ctx.state.seen.get().cloned() else { return };
        match wake {
            Wake::Trigger => self.ask(None, ctx),
            Wake::End => {
                ctx.time = seen.newest;
                if seen.fresh > 0 {
                    self.emit(ctx);
                }
                purge(&mut ctx.state);
            }
        }
    }
}
