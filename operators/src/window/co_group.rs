//! `co_group` and `window_join`: what two streams have in the same window.
use super::clock::Clock;
use super::kind::Aligned;
use super::meaning::{Meaning, Noted};
use super::shape::{Panes, Shape};
use crate::Stream;
use crate::keyed::{Keyed, SameKey};
use crate::late_log::LateLog;
use crate::process::{Ctx2, Process2, build_of};
use crate::process_logic::{ProcessLogic, Two};
use crate::sides::{Place, Sides, put};
use millstream_runtime::data::{Data, Key, State};
use millstream_runtime::graph::{OperatorInit, Rule};
use millstream_runtime::time::Timestamp;
use std::marker::PhantomData;

/// What two streams have of a key in a window; not both are empty. Records are in the order of their time, and those of
/// one time in that of their arrival.
#[derive(Clone, Debug)]
pub struct Group<'a, K, T, R> {
    /// What the records have in common.
    pub key: &'a K,
    /// The first instant of the window.
    pub start: Timestamp,
    /// The first instant behind the window.
    pub end: Timestamp,
    /// The records of the one stream.
    pub left: Vec<&'a T>,
    /// The records of the other.
    pub right: Vec<&'a R>,
}

impl<K: 'static, T: 'static> Keyed<K, T> {
    /// What two streams have of a key in the same window, once the watermark has reached its end; `f` makes any number of
    /// records of it. Left, right and full outer joins are closures of this one. The results have the last instant of the
    /// window, 1 ms before its end. Records are kept until their last window is over; what comes later is dropped, counted
    /// and logged, whatever lateness the windows allow, so divert it with `.late(..)` behind `event_time`.
    ///
    /// ```
    /// use millstream_operators::{Keyed, Stream};
    /// use millstream_operators::window::Tumbling;
    /// use std::time::Duration;
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, millstream_runtime::State)] struct Order { id: u64 }
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, millstream_runtime::State)] struct Payment { cents: u64 }
    /// /// Orders that nobody has paid in their hour.
    /// fn unpaid(orders: Keyed<u64, Order>, payments: Keyed<u64, Payment>) -> Stream<u64> {
    ///     let hour = Tumbling::of(Duration::from_secs(3600));
    ///     orders.co_group("unpaid", payments, hour, |group| match group.right.is_empty() {
    ///         true => group.left.iter().map(|order| order.id).collect(),
    ///         false => vec![],
    ///     })
    /// }
    /// ```
    #[track_caller]
    pub fn co_group<K2, R, W, U, I>(
        self,
        uid: &str,
        right: Keyed<K2, R>,
        window: W,
        f: impl FnMut(Group<'_, K, T, R>) -> I + 'static,
    ) -> Stream<U>
    where
        K: Key,
        T: State,
        K2: SameKey<K> + Key,
        R: State,
        W: Aligned,
        U: Data,
        I: IntoIterator<Item = U>,
    {
        let (panes, late) = (window.panes(), LateLog::new(uid, super::MISSED, CURE));
        let meaning = Meaning::new(&Shape::Panes(panes), Clock::Event, String::new());
        let groups = CoGroup { panes, late, f, of: PhantomData };
        let build = build_of(move |init: &OperatorInit<'_>| {
            meaning.judge(init)?;
            Ok(Box::new(Noted { logic: ProcessLogic::open(Two(groups), init, "co_group")?, meaning }))
        });
        let (left, right) = (self.shuffled(uid), right.shuffled(uid));
        self.inner.behind(left.meet(&right, "co_group", uid, Rule::NeedsTime, build))
    }

    /// Each pair of one key that is in the same window, once for each window that both are in: see [`Keyed::co_group`].
    ///
    /// ```
    /// use millstream_operators::{Keyed, Stream};
    /// use millstream_operators::window::Sliding;
    /// use std::time::Duration;
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, millstream_runtime::State)] struct Alarm { text: String }
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, millstream_runtime::State)] struct Visit { by: String }
    /// fn seen(alarms: Keyed<u64, Alarm>, visits: Keyed<u64, Visit>) -> Stream<(String, String)> {
    ///     let windows = Sliding::of(Duration::from_secs(60), Duration::from_secs(10));
    ///     alarms.window_join("seen", visits, windows, |_room, alarm, visit| (alarm.text.clone(), visit.by.clone()))
    /// }
    /// ```
    #[track_caller]
    pub fn window_join<K2, R, W, U>(
        self,
        uid: &str,
        right: Keyed<K2, R>,
        window: W,
        mut f: impl FnMut(&K, &T, &R) -> U + 'static,
    ) -> Stream<U>
    where
        K: Key,
        T: State,
        K2: SameKey<K> + Key,
        R: State,
        W: Aligned,
        U: Data,
    {
        self.co_group(uid, right, window, move |Group { key, left, right, .. }| {
            let mut pairs = Vec::with_capacity(left.len() * right.len());
            for one in left {
                pairs.extend(right.iter().map(|other| f(key, one, other)));
            }
            pairs
        })
    }
}

/// Of records that are too late.
const CURE: &str = "divert them with .late(uid, sink) behind event_time";

/// A record sets a timer for the end of the first window that it is in; a window that is over sets the next one, so that
/// there is no timer for each record and window.
struct CoGroup<K, T, R, F> {
    panes: Panes,
    late: LateLog,
    f: F,
    of: PhantomData<fn(K, T, R)>,
}

impl<K, T, R, F, U, I> CoGroup<K, T, R, F>
where
    K: Key,
    T: State,
    R: State,
    U: Data,
    I: IntoIterator<Item = U>,
    F: FnMut(Group<'_, K, T, R>) -> I + 'static,
{
    /// The time of the record that came now; none if it is in no window that is still open.
    fn taken(&mut self, ctx: &mut Ctx2<Self>) -> Option<Timestamp> {
        let (at, watermark) = (ctx.time(), ctx.watermark());
        match self.panes.first_open(self.panes.pane(at), watermark) {
            Some(window) => {
                ctx.timer_at(self.panes.end(window), ());
                Some(at)
            }
            None if at < watermark => {
                self.late.note(1, at, watermark);
                None
            }
            None => None, // between two windows
        }
    }

    /// Gives the result of a window that is over, and forgets what only that has needed. The next window that a record is
    /// in, if there is any.
    fn close(&mut self, window: Timestamp, ctx: &mut Ctx2<Self>) -> Option<Timestamp> {
        let end = self.panes.end(window);
        let within = Place::before(window)..Place::before(end);
        let left: Vec<&T> = ctx.state.left.range_ref(within.clone()).map(|(_, record)| record).collect();
        let right: Vec<&R> = ctx.state.right.range_ref(within).map(|(_, record)| record).collect();
        if !left.is_empty() || !right.is_empty() {
            let last = Timestamp(end.0.saturating_sub(1));
            for made in (self.f)(Group { key: &ctx.key, start: window, end, left, right }) {
                ctx.out.push_with(made, Some(last), None);
            }
        }
        ctx.state.forget(Place::before(self.panes.next(window)));
        ctx.state.oldest().and_then(|oldest| self.panes.first_open(self.panes.pane(oldest), end))
    }
}

impl<K, T, R, F, U, I> Process2 for CoGroup<K, T, R, F>
where
    K: Key,
    T: State,
    R: State,
    U: Data,
    I: IntoIterator<Item = U>,
    F: FnMut(Group<'_, K, T, R>) -> I + 'static,
{
    type Key = K;
    type Left = T;
    type Right = R;
    type Out = U;
    type State = Sides<T, R>;
    type Timer = ();

    fn on_left(&mut self, record: T, ctx: &mut Ctx2<Self>) {
        if let Some(at) = self.taken(ctx) {
            put(&mut ctx.state.left, at, record);
        }
    }

    fn on_right(&mut self, record: R, ctx: &mut Ctx2<Self>) {
        if let Some(at) = self.taken(ctx) {
            put(&mut ctx.state.right, at, record);
        }
    }

    fn on_timer(&mut self, (): (), ctx: &mut Ctx2<Self>) {
        let mut window = self.panes.start(ctx.time());
        while let Some(next) = self.close(window, ctx) {
            if ctx.watermark() < Timestamp::MAX {
                return ctx.timer_at(self.panes.end(next), ());
            }
            window = next; // after the end of the input no timer fires any more
        }
    }
}
