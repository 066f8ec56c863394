//! `temporal_join`: each record with what was valid at its time.
use crate::Stream;
use crate::keyed::{Keyed, SameKey};
use crate::process::{Ctx2, Process2, build_of};
use crate::process_logic::{ProcessLogic, Two};
use crate::sides::{Place, Sides, forget, put};
use millstream_runtime::data::{Data, Key, State};
use millstream_runtime::graph::Rule;
use millstream_runtime::time::{Timestamp, millis};
use std::marker::PhantomData;

impl<K: 'static, T: 'static> Keyed<K, T> {
    /// Each record with the version of its key that was valid at its event time: the newest one that is not younger, of
    /// several of one time the one that came last; none where there was none yet. A record waits until the watermark says
    /// that no version for it can come any more. Of versions each key keeps the one that is valid now, and those to come.
    /// A version that is late counts from the watermark on, so divert it with `.late(..)` behind `event_time`.
    ///
    /// ```
    /// use millstream_operators::{Keyed, Stream};
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, millstream_runtime::State)] struct Order { yen: u64 }
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, millstream_runtime::State)] struct Rate { euros: f64 }
    /// fn in_euros(orders: Keyed<String, Order>, rates: Keyed<String, Rate>) -> Stream<f64> {
    ///     let then = orders.temporal_join("rates", rates, |_, order, rate| rate.map(|rate| order.yen as f64 * rate.euros));
    ///     then.flat_map(|euros| euros)
    /// }
    /// ```
    #[track_caller]
    pub fn temporal_join<K2, R, U>(
        self,
        uid: &str,
        versions: Keyed<K2, R>,
        f: impl FnMut(&K, &T, Option<&R>) -> U + 'static,
    ) -> Stream<U>
    where
        K: Key,
        T: State,
        K2: SameKey<K> + Key,
        R: State,
        U: Data,
    {
        let join = TemporalJoin { f, of: PhantomData };
        let build = build_of(move |init| Ok(Box::new(ProcessLogic::open(Two(join), init, "temporal_join")?)));
        let (left, right) = (self.shuffled(uid), versions.shuffled(uid));
        self.inner.behind(left.meet(&right, "temporal_join", uid, Rule::NeedsTime, build))
    }
}

/// On the left are records that wait, on the right versions.
struct TemporalJoin<K, T, R, U, F> {
    f: F,
    of: PhantomData<fn(K, T, R) -> U>,
}

impl<K: Key, T: State, R: State, U: Data, F> TemporalJoin<K, T, R, U, F>
where
    F: FnMut(&K, &T, Option<&R>) -> U + 'static,
{
    /// The time of the record that came now. A timer looks at it when all of that time have come.
    fn look_later(ctx: &mut Ctx2<Self>) -> Timestamp {
        let at = ctx.time();
        ctx.timer_at(at + millis(1), ());
        at
    }
}

impl<K: Key, T: State, R: State, U: Data, F> Process2 for TemporalJoin<K, T, R, U, F>
where
    F: FnMut(&K, &T, Option<&R>) -> U + 'static,
{
    type Key = K;
    type Left = T;
    type Right = R;
    type Out = U;
    type State = Sides<T, R>;
    type Timer = ();

    fn on_left(&mut self, record: T, ctx: &mut Ctx2<Self>) {
        let at = Self::look_later(ctx);
        put(&mut ctx.state.left, at, record);
    }

    fn on_right(&mut self, version: R, ctx: &mut Ctx2<Self>) {
        let at = Self::look_later(ctx);
        put(&mut ctx.state.right, at, version);
    }

    fn on_timer(&mut self, (): (), ctx: &mut Ctx2<Self>) {
        let now = Place::before(ctx.time());
        for (place, record) in ctx.state.left.range_ref(..now) {
            let valid = ctx.state.right.range_ref(..=Place::behind(place.at)).next_back().map(|(_, version)| version);
            ctx.out.push_with((self.f)(&ctx.key, record, valid), Some(place.at), None);
        }
        let Sides { left, right } = &mut ctx.state;
        forget(left, now);
        let valid = right.range_ref(..now).next_back().map(|(place, _)| *place);
        if let Some(valid) = valid {
            forget(right, valid);
        }
    }
}
