//! `distinct` and `top_k`: exact, so they keep every value.
use super::Aggregate;
use millstream_runtime::data::State;
use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;

/// See [`distinct`].
pub struct Distinct<T, V, F>(F, PhantomData<fn(T) -> V>);

/// See [`top_k`].
pub struct TopK<T, V, F> {
    k: usize,
    f: F,
    of: PhantomData<fn(T) -> V>,
}

/// How many different values, exactly: keeps each of them.
pub fn distinct<T, V: State + Ord, F: Fn(&T) -> V>(f: F) -> Distinct<T, V, F> {
    Distinct(f, PhantomData)
}

/// The `k` most frequent values with their counts, most frequent first, equal ones in their order. Exact: keeps a count
/// for each value.
pub fn top_k<T, V: State + Ord, F: Fn(&T) -> V>(k: usize, f: F) -> TopK<T, V, F> {
    TopK { k, f, of: PhantomData }
}

impl<T: 'static, V: State + Ord, F: Fn(&T) -> V + 'static> Aggregate<T> for Distinct<T, V, F> {
    type Acc = BTreeSet<V>;
    type Out = u64;
    fn init(&self) -> BTreeSet<V> {
        BTreeSet::new()
    }
    fn add(&self, acc: &mut BTreeSet<V>, record: &T) {
        acc.insert((self.0)(record));
    }
    fn merge(&self, into: &mut BTreeSet<V>, mut other: BTreeSet<V>) {
        if into.len() < other.len() {
            std::mem::swap(into, &mut other);
        }
        into.extend(other);
    }
    fn finish(&self, acc: &BTreeSet<V>) -> u64 {
        acc.len() as u64
    }
    fn name(&self) -> String {
        "distinct".into()
    }
}

impl<T: 'static, V: State + Ord, F: Fn(&T) -> V + 'static> Aggregate<T> for TopK<T, V, F> {
    type Acc = BTreeMap<V, u64>;
    type Out = Vec<(V, u64)>;
    fn init(&self) -> BTreeMap<V, u64> {
        BTreeMap::new()
    }
    fn add(&self, acc: &mut BTreeMap<V, u64>, record: &T) {
        *acc.entry((self.f)(record)).or_default() += 1;
    }
    fn merge(&self, into: &mut BTreeMap<V, u64>, mut other: BTreeMap<V, u64>) {
        if into.len() < other.len() {
            std::mem::swap(into, &mut other);
        }
        for (value, count) in other {
            *into.entry(value).or_default() += count;
        }
    }
    fn finish(&self, acc: &BTreeMap<V, u64>) -> Vec<(V, u64)> {
        let mut all: Vec<(&V, u64)> = acc.iter().map(|(value, count)| (value, *count)).collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        all.into_iter().take(self.k).map(|(value, count)| (value.clone(), count)).collect()
    }
    fn name(&self) -> String {
        "top_k".into() // of any k: all counts are kept
    }
}
