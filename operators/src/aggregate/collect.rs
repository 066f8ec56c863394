//! `collect`: all values.
use super::{Aggregate, Retract};
use millstream_runtime::data::State;
use std::collections::BTreeMap;
use std::marker::PhantomData;

/// See [`collect`].
pub struct Collect<T, V, F>(F, PhantomData<fn(T) -> V>);

/// All values with repeats, in their order, not in that of the records, which depends on the workers. Keeps each of them,
/// and has no bound: for small groups.
///
/// ```
/// use millstream_operators::aggregate::{Aggregate, collect};
/// let words = collect(|word: &String| word.clone());
/// let mut all = words.init();
/// ["to", "be", "to"].iter().for_each(|word| words.add(&mut all, &word.to_string()));
/// assert_eq!(words.finish(&all), ["be", "to", "to"]);
/// ```
pub fn collect<T, V: State + Ord, F: Fn(&T) -> V>(f: F) -> Collect<T, V, F> {
    Collect(f, PhantomData)
}

impl<T: 'static, V: State + Ord, F: Fn(&T) -> V + 'static> Aggregate<T> for Collect<T, V, F> {
    type Acc = BTreeMap<V, u64>;
    type Out = Vec<V>;
    fn init(&self) -> BTreeMap<V, u64> {
        BTreeMap::new()
    }
    fn add(&self, acc: &mut BTreeMap<V, u64>, record: &T) {
        *acc.entry((self.0)(record)).or_default() += 1;
    }
    fn merge(&self, into: &mut BTreeMap<V, u64>, other: BTreeMap<V, u64>) {
        other.into_iter().for_each(|(value, count)| *into.entry(value).or_default() += count);
    }
    fn finish(&self, acc: &BTreeMap<V, u64>) -> Vec<V> {
        let repeated = acc.iter().map(|(value, count)| std::iter::repeat_n(value, *count as usize));
        repeated.flatten().cloned().collect()
    }
    fn name(&self) -> String {
        "collect".into()
    }
}

impl<T: 'static, V: State + Ord, F: Fn(&T) -> V + 'static> Retract<T> for Collect<T, V, F> {
    fn subtract(&self, acc: &mut BTreeMap<V, u64>, record: &T) {
        let value = (self.0)(record);
        if let Some(count) = acc.get_mut(&value) {
            *count -= 1;
            if *count == 0 {
                acc.remove(&value);
            }
        }
    }
}
