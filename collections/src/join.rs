//! Joins: by the first half of pairs.
use crate::edge::{Time, pack, unpack};
use crate::verb::{Verb, two};
use crate::{Collection, Row};
use millstream_runtime::native::{Edge, Faults};
use std::marker::PhantomData;

impl<K: Row, V: Row> Collection<(K, V)> {
    /// Each record with each of the other collection that has the same key: `f` makes a record of the two. It is there as
    /// often as both are, multiplied.
    ///
    /// ```
    /// # use millstream_collections::Collection;
    /// /// The names of those who have ordered something that is not paid.
    /// fn owing(customers: Collection<(u64, String)>, open: Collection<(u64, u64)>) -> Collection<String> {
    ///     customers.join(open, |_customer, name, _order| name.clone()).distinct()
    /// }
    /// ```
    #[track_caller]
    pub fn join<W: Row, U: Row>(
        self,
        other: Collection<(K, W)>,
        f: impl FnMut(&K, &V, &W) -> U + 'static,
    ) -> Collection<U> {
        self.with(other, "join", Join { f, of: PhantomData })
    }

    /// The records whose key is in `keys`, however often.
    #[track_caller]
    pub fn semijoin(self, keys: Collection<K>) -> Collection<(K, V)> {
        self.with(keys, "semijoin", Semijoin::<K, V> { keeps: true, of: PhantomData })
    }

    /// The records whose key is not in `keys`.
    ///
    /// ```
    /// # use millstream_collections::Collection;
    /// fn not_yet_paid(orders: Collection<(u64, String)>, paid: Collection<u64>) -> Collection<(u64, String)> {
    ///     orders.antijoin(paid)
    /// }
    /// ```
    #[track_caller]
    pub fn antijoin(self, keys: Collection<K>) -> Collection<(K, V)> {
        self.with(keys, "antijoin", Semijoin::<K, V> { keeps: false, of: PhantomData })
    }
}

struct Join<K, V, W, U, F> {
    f: F,
    of: PhantomData<fn(K, V, W) -> U>,
}

impl<K: Row, V: Row, W: Row, U: Row, F: FnMut(&K, &V, &W) -> U + 'static> Verb for Join<K, V, W, U, F> {
    fn make<'s, T: Time>(self, inputs: Vec<Edge<'s, T>>, faults: &Faults) -> Edge<'s, T> {
        let (left, right) = two(inputs);
        let left = unpack::<T, (K, V)>(left, faults);
        pack(left.join_map(unpack::<T, (K, W)>(right, faults), self.f))
    }
}

struct Semijoin<K, V> {
    /// Whether a record stays that finds its key.
    keeps: bool,
    of: PhantomData<fn(K, V)>,
}

impl<K: Row, V: Row> Verb for Semijoin<K, V> {
    fn make<'s, T: Time>(self, inputs: Vec<Edge<'s, T>>, faults: &Faults) -> Edge<'s, T> {
        let (records, keys) = two(inputs);
        let (records, keys) = (unpack::<T, (K, V)>(records, faults), unpack::<T, K>(keys, faults));
        // Differential multiplies by how often a key is there.
        let keys = keys.threshold_named("keys", |_, times| i64::from(*times > 0));
        pack(if self.keeps { records.semijoin(keys) } else { records.antijoin(keys) })
    }
}
