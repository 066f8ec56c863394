//! `interval_join`: pairs of two streams that are near in event time.
use crate::Stream;
use crate::keyed::{Keyed, SameKey};
use crate::process::{Ctx2, Process2, build_of};
use crate::process_logic::{ProcessLogic, Two};
use crate::sides::{Place, Sides, put};
use millstream_runtime::data::{Data, Key, State};
use millstream_runtime::graph::Rule;
use millstream_runtime::time::Timestamp;
use std::marker::PhantomData;
use std::time::Duration;

impl<K: 'static, T: 'static> Keyed<K, T> {
    /// Pairs of one key at most `within` apart in event time, each once, with the later of both times: `f` makes a record
    /// of them. Records are kept until the watermark is `within` behind them; of a record that is later than that, pairs
    /// may be missing, so divert it with `.late(..)` behind `event_time`.
    ///
    /// ```
    /// use millstream_operators::{Keyed, Stream};
    /// use std::time::Duration;
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, millstream_runtime::State)] struct Order { id: u64 }
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, millstream_runtime::State)] struct Payment { cents: u64 }
    /// fn paid(orders: Keyed<u64, Order>, payments: Keyed<u64, Payment>) -> Stream<(u64, u64)> {
    ///     orders.interval_join("paid", payments, Duration::from_secs(3600), |id, _order, payment| (*id, payment.cents))
    /// }
    /// ```
    #[track_caller]
    pub fn interval_join<K2, R, U>(
        self,
        uid: &str,
        right: Keyed<K2, R>,
        within: Duration,
        f: impl FnMut(&K, &T, &R) -> U + 'static,
    ) -> Stream<U>
    where
        K: Key,
        T: State,
        K2: SameKey<K> + Key,
        R: State,
        U: Data,
    {
        let within = i64::try_from(within.as_millis()).unwrap_or(i64::MAX);
        let join = IntervalJoin { within, f, of: PhantomData };
        let build = build_of(move |init| Ok(Box::new(ProcessLogic::open(Two(join), init, "interval_join")?)));
        let (left, right) = (self.shuffled(uid), right.shuffled(uid));
        self.inner.behind(left.meet(&right, "interval_join", uid, Rule::NeedsTime, build))
    }
}

struct IntervalJoin<K, T, R, U, F> {
    /// ms
    within: i64,
    f: F,
    of: PhantomData<fn(K, T, R) -> U>,
}

impl<K: Key, T: State, R: State, U: Data, F: FnMut(&K, &T, &R) -> U + 'static> IntervalJoin<K, T, R, U, F> {
    /// The time of the record that came now. Sets the timer that forgets it.
    fn forget_later(&self, ctx: &mut Ctx2<Self>) -> Timestamp {
        let at = ctx.time();
        ctx.timer_at(Timestamp(at.0.saturating_add(self.within).saturating_add(1)), ());
        at
    }

    fn near(&self, at: Timestamp) -> std::ops::RangeInclusive<Place> {
        let first = Place::before(Timestamp(at.0.saturating_sub(self.within)));
        first..=Place::behind(Timestamp(at.0.saturating_add(self.within)))
    }
}

impl<K: Key, T: State, R: State, U: Data, F: FnMut(&K, &T, &R) -> U + 'static> Process2
    for IntervalJoin<K, T, R, U, F>
{
    type Key = K;
    type Left = T;
    type Right = R;
    type Out = U;
    type State = Sides<T, R>;
    type Timer = ();

    fn on_left(&mut self, record: T, ctx: &mut Ctx2<Self>) {
        let at = self.forget_later(ctx);
        for (other, right) in ctx.state.right.range_ref(self.near(at)) {
            ctx.out.push_with((self.f)(&ctx.key, &record, right), Some(at.max(other.at)), None);
        }
        put(&mut ctx.state.left, at, record);
    }

    fn on_right(&mut self, record: R, ctx: &mut Ctx2<Self>) {
        let at = self.forget_later(ctx);
        for (other, left) in ctx.state.left.range_ref(self.near(at)) {
            ctx.out.push_with((self.f)(&ctx.key, left, &record), Some(at.max(other.at)), None);
        }
        put(&mut ctx.state.right, at, record);
    }

    fn on_timer(&mut self, (): (), ctx: &mut Ctx2<Self>) {
        let needed = Timestamp(ctx.watermark().0.saturating_sub(self.within));
        ctx.state.forget(Place::before(needed));
    }
}
