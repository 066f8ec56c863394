//! `join`: all pairs of two streams, incrementally.
use crate::Stream;
use crate::keyed::{Keyed, SameKey};
use crate::process::{Ctx2, Process2, build_of};
use crate::process_logic::{ProcessLogic, Two};
use millstream_runtime::KeyedState;
use millstream_runtime::data::{Data, Key, State};
use millstream_runtime::graph::Rule;
use millstream_runtime::state::List;
use millstream_runtime::time::Timestamp;
use std::marker::PhantomData;

impl<K: 'static, T: 'static> Keyed<K, T> {
    /// Each pair of a record of one stream with one of the other that has the same key, once, as soon as both are here:
    /// `f` makes a record of them. A pair has the later of both event times, if there are any. All records are kept for
    /// ever, so where time bounds what belongs together use [`Keyed::interval_join`], [`Keyed::window_join`] or
    /// [`Keyed::temporal_join`].
    ///
    /// ```
    /// use millstream_operators::{Keyed, Stream};
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, millstream_runtime::State)] struct User { name: String }
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize, millstream_runtime::State)] struct Order { cents: u64 }
    /// fn named(users: Keyed<u64, User>, orders: Keyed<u64, Order>) -> Stream<(String, u64)> {
    ///     users.join("orders-of-users", orders, |_id, user, order| (user.name.clone(), order.cents))
    /// }
    /// ```
    #[track_caller]
    pub fn join<K2, R, U>(self, uid: &str, right: Keyed<K2, R>, f: impl FnMut(&K, &T, &R) -> U + 'static) -> Stream<U>
    where
        K: Key,
        T: State,
        K2: SameKey<K> + Key,
        R: State,
        U: Data,
    {
        let join = Join { f, of: PhantomData };
        let build = build_of(move |init| Ok(Box::new(ProcessLogic::open(Two(join), init, "join")?)));
        let (left, right) = (self.shuffled(uid), right.shuffled(uid));
        self.inner.behind(left.meet(&right, "join", uid, Rule::Mixes, build))
    }
}

/// All records of a key, in the order of arrival, with their event times.
#[derive(KeyedState)]
struct All<T: State, R: State> {
    left: List<(T, Option<Timestamp>)>,
    right: List<(R, Option<Timestamp>)>,
}

struct Join<K, T, R, U, F> {
    f: F,
    of: PhantomData<fn(K, T, R) -> U>,
}

impl<K: Key, T: State, R: State, U: Data, F: FnMut(&K, &T, &R) -> U + 'static> Process2 for Join<K, T, R, U, F> {
    type Key = K;
    type Left = T;
    type Right = R;
    type Out = U;
    type State = All<T, R>;
    type Timer = ();

    fn on_left(&mut self, record: T, ctx: &mut Ctx2<Self>) {
        for (right, at) in ctx.state.right.iter_ref() {
            ctx.out.push_with((self.f)(&ctx.key, &record, right), ctx.time.max(*at), None);
        }
        ctx.state.left.push((record, ctx.time));
    }

    fn on_right(&mut self, record: R, ctx: &mut Ctx2<Self>) {
        for (left, at) in ctx.state.left.iter_ref() {
            ctx.out.push_with((self.f)(&ctx.key, left, &record), ctx.time.max(*at), None);
        }
        ctx.state.right.push((record, ctx.time));
    }
}
