//! Aggregates: what all records of a key come to, computed again for each key that has changed.
use crate::edge::{Time, pack, unpack};
use crate::verb::{Verb, one};
use crate::{Collection, Row};
use millstream_runtime::native::{Edge, Faults};
use std::marker::PhantomData;

impl<K: Row, V: Row> Collection<(K, V)> {
    /// What the values of each key come to: `f` gets them in their order, each with how often it is there, and gives any
    /// number of results. A key without values has none.
    ///
    /// `f` runs over all values of a key whenever one of them changes. Where a deletion came before what it deletes, a
    /// value is there less often than never.
    ///
    /// ```
    /// # use millstream_collections::Collection;
    /// /// The dearest offer for each article, with its price.
    /// fn dearest(offers: Collection<(String, u64)>) -> Collection<(String, u64)> {
    ///     offers.reduce(|_article, prices| prices.last().map(|(price, _)| **price))
    /// }
    /// ```
    #[track_caller]
    pub fn reduce<U: Row, I: IntoIterator<Item = U>>(
        self,
        mut f: impl FnMut(&K, &[(&V, i64)]) -> I + 'static,
    ) -> Collection<(K, U)> {
        let each_once = move |key: &K, values: &[(&V, i64)], out: &mut Vec<(U, i64)>| {
            out.extend(f(key, values).into_iter().map(|result| (result, 1)));
        };
        self.then("reduce", Reduce::new("reduce", each_once))
    }

    /// Of each key the `k` greatest values, as often as they are there. For the least, wrap them in
    /// [`std::cmp::Reverse`].
    #[track_caller]
    pub fn top_k(self, k: u64) -> Collection<(K, V)> {
        let greatest = move |_: &K, values: &[(&V, i64)], out: &mut Vec<(V, i64)>| {
            let mut room = i64::try_from(k).unwrap_or(i64::MAX);
            for (value, times) in values.iter().rev().filter(|(_, times)| *times > 0) {
                let taken = room.min(*times);
                if taken == 0 {
                    break;
                }
                out.push(((*value).clone(), taken));
                room -= taken;
            }
        };
        self.then("top_k", Reduce::new("top_k", greatest))
    }
}

impl<D: Row> Collection<D> {
    /// Each record with how often it is there; for how often a key is there, `.map(|(key, _)| key).count()`.
    #[track_caller]
    pub fn count(self) -> Collection<(D, i64)> {
        self.then("count", Count::<D>(PhantomData))
    }

    /// Each record that is there, once.
    #[track_caller]
    pub fn distinct(self) -> Collection<D> {
        self.then("distinct", Distinct::<D>(PhantomData))
    }
}

struct Reduce<K, V, U, F> {
    name: &'static str,
    f: F,
    of: PhantomData<fn(K, V) -> U>,
}

impl<K: Row, V: Row, U: Row, F: FnMut(&K, &[(&V, i64)], &mut Vec<(U, i64)>) + 'static> Reduce<K, V, U, F> {
    fn new(name: &'static str, f: F) -> Self {
        Self { name, f, of: PhantomData }
    }
}

impl<K: Row, V: Row, U: Row, F: FnMut(&K, &[(&V, i64)], &mut Vec<(U, i64)>) + 'static> Verb for Reduce<K, V, U, F> {
    fn make<'s, T: Time>(self, inputs: Vec<Edge<'s, T>>, faults: &Faults) -> Edge<'s, T> {
        pack(unpack::<T, (K, V)>(one(inputs), faults).reduce_named(self.name, self.f))
    }
}

struct Count<D>(PhantomData<fn(D)>);

impl<D: Row> Verb for Count<D> {
    fn make<'s, T: Time>(self, inputs: Vec<Edge<'s, T>>, faults: &Faults) -> Edge<'s, T> {
        pack(unpack::<T, D>(one(inputs), faults).count_core::<i64>())
    }
}

struct Distinct<D>(PhantomData<fn(D)>);

impl<D: Row> Verb for Distinct<D> {
    fn make<'s, T: Time>(self, inputs: Vec<Edge<'s, T>>, faults: &Faults) -> Edge<'s, T> {
        pack(unpack::<T, D>(one(inputs), faults).threshold_named("distinct", |_, times| i64::from(*times > 0)))
    }
}
