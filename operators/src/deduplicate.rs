//! `deduplicate`: the first record of each key, for a while.
use crate::Stream;
use crate::keyed::Keyed;
use crate::process::{Ctx, Process, build_of};
use crate::process_logic::{One, ProcessLogic};
use millstream_runtime::data::{Data, Key};
use millstream_runtime::graph::Rule;
use millstream_runtime::state::Value;
use millstream_runtime::time::{Timestamp, millis};
use std::marker::PhantomData;
use std::time::Duration;

impl<K: 'static, T: 'static> Keyed<K, T> {
    /// The first record of each key that comes. Others of that key are dropped as long as they are at most `within` behind
    /// it, in event time where there is any, else in processing time; then the next one counts as first. Of a key the time
    /// of its first record is kept, for so long; with `Duration::MAX` for ever.
    ///
    /// ```
    /// use millstream_operators::Stream;
    /// use std::time::Duration;
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize)] struct Payment { id: u64 }
    /// fn once(payments: Stream<Payment>) -> Stream<Payment> {
    ///     payments.key_by(|payment| payment.id).deduplicate("once", Duration::from_secs(24 * 3600))
    /// }
    /// ```
    #[track_caller]
    pub fn deduplicate(self, uid: &str, within: Duration) -> Stream<T>
    where
        K: Key,
        T: Data,
    {
        let first = First::<K, T> { within, of: PhantomData };
        let build = build_of(move |init| Ok(Box::new(ProcessLogic::open(One(first), init, "deduplicate")?)));
        self.inner.behind(self.shuffled(uid).operator("deduplicate", uid, Rule::Mixes, build))
    }
}

/// Keeps the time of the record that has passed.
struct First<K, T> {
    within: Duration,
    of: PhantomData<fn(K, T)>,
}

impl<K: Key, T: Data> Process for First<K, T> {
    type Key = K;
    type In = T;
    type Out = T;
    type State = Value<Timestamp>;
    type Timer = ();

    fn on_record(&mut self, record: T, ctx: &mut Ctx<Self>) {
        let at = ctx.time();
        if ctx.state.get().is_some_and(|first| at <= *first + self.within) {
            return;
        }
        ctx.state.set(at);
        let over = at + self.within + millis(1);
        match ctx.time {
            _ if over == Timestamp::MAX => {}
            Some(_) => ctx.timer_at(over, ()),
            None => ctx.timer_when(over, ()),
        }
        ctx.emit(record);
    }

    fn on_timer(&mut self, (): (), ctx: &mut Ctx<Self>) {
        let now = ctx.time();
        if ctx.state.get().is_some_and(|first| *first + self.within < now) {
            ctx.state.clear();
        }
    }
}
