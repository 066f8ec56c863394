//! `argmin` and `argmax`: the record itself.
use super::Aggregate;
use millstream_runtime::codec;
use millstream_runtime::data::State;
use std::cmp::Ordering;
use std::marker::PhantomData;

/// See [`argmin`] and [`argmax`].
pub struct Pick<T, V, F> {
    f: F,
    /// How a better value compares with the one that is kept.
    better: Ordering,
    of: PhantomData<fn(T) -> V>,
}

/// The record for which `f` is least; none of no record. Of several the one whose encoding is least, so that it does not
/// depend on their order.
pub fn argmin<T: State, V: Ord, F: Fn(&T) -> V>(f: F) -> Pick<T, V, F> {
    Pick { f, better: Ordering::Less, of: PhantomData }
}

/// The record for which `f` is greatest; none of no record. Of several the one whose encoding is least, so that it does
/// not depend on their order.
///
/// ```
/// use millstream_operators::aggregate::{Aggregate, argmax};
/// let longest = argmax(|word: &String| word.len());
/// let mut kept = longest.init();
/// ["to", "be", "or"].iter().for_each(|word| longest.add(&mut kept, &word.to_string()));
/// assert_eq!(longest.finish(&kept).as_deref(), Some("be"));
/// ```
pub fn argmax<T: State, V: Ord, F: Fn(&T) -> V>(f: F) -> Pick<T, V, F> {
    Pick { f, better: Ordering::Greater, of: PhantomData }
}

impl<T: State, V: Ord, F: Fn(&T) -> V> Pick<T, V, F> {
    fn is_better(&self, new: &T, kept: &T) -> bool {
        match (self.f)(new).cmp(&(self.f)(kept)) {
            Ordering::Equal => codec::encode(new) < codec::encode(kept),
            order => order == self.better,
        }
    }
}

impl<T: State, V: Ord + 'static, F: Fn(&T) -> V + 'static> Aggregate<T> for Pick<T, V, F> {
    type Acc = Option<T>;
    type Out = Option<T>;
    fn init(&self) -> Option<T> {
        None
    }
    fn add(&self, acc: &mut Option<T>, record: &T) {
        if acc.as_ref().is_none_or(|kept| self.is_better(record, kept)) {
            *acc = Some(record.clone());
        }
    }
    fn merge(&self, into: &mut Option<T>, other: Option<T>) {
        let Some(new) = other else { return };
        if into.as_ref().is_none_or(|kept| self.is_better(&new, kept)) {
            *into = Some(new);
        }
    }
    fn finish(&self, acc: &Option<T>) -> Option<T> {
        acc.clone()
    }
    fn name(&self) -> String {
        if self.better == Ordering::Less { "argmin".into() } else { "argmax".into() }
    }
}
