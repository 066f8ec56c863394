//! `min` and `max`.
use super::Aggregate;
use millstream_runtime::data::State;
use std::cmp::Ordering;
use std::marker::PhantomData;

/// See [`min`] and [`max`].
pub struct Extreme<T, V, F> {
    f: F,
    /// How a better value compares with the one that is kept.
    better: Ordering,
    of: PhantomData<fn(T) -> V>,
}

/// The least of what `f` reads of each record; none of no record.
pub fn min<T, V: State + Ord, F: Fn(&T) -> V>(f: F) -> Extreme<T, V, F> {
    Extreme { f, better: Ordering::Less, of: PhantomData }
}

/// The greatest of what `f` reads of each record; none of no record.
pub fn max<T, V: State + Ord, F: Fn(&T) -> V>(f: F) -> Extreme<T, V, F> {
    Extreme { f, better: Ordering::Greater, of: PhantomData }
}

impl<T: 'static, V: State + Ord, F: Fn(&T) -> V + 'static> Aggregate<T> for Extreme<T, V, F> {
    type Acc = Option<V>;
    type Out = Option<V>;
    fn init(&self) -> Option<V> {
        None
    }
    fn add(&self, acc: &mut Option<V>, record: &T) {
        self.merge(acc, Some((self.f)(record)));
    }
    fn merge(&self, into: &mut Option<V>, other: Option<V>) {
        let Some(new) = other else { return };
        if into.as_ref().is_none_or(|kept| new.cmp(kept) == self.better) {
            *into = Some(new);
        }
    }
    fn finish(&self, acc: &Option<V>) -> Option<V> {
        acc.clone()
    }
    fn name(&self) -> String {
        if self.better == Ordering::Less { "min".into() } else { "max".into() }
    }
}
