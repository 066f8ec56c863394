//! `count` and `count_if`.
use super::{Aggregate, Retract};

/// See [`count`] and [`count_if`].
pub struct Count<F>(F);

/// Holds for every record.
pub type All<T> = fn(&T) -> bool;

/// How many records.
pub fn count<T>() -> Count<All<T>> {
    Count(|_| true)
}

/// How many records hold.
pub fn count_if<T, F: Fn(&T) -> bool>(f: F) -> Count<F> {
    Count(f)
}

impl<T: 'static, F: Fn(&T) -> bool + 'static> Aggregate<T> for Count<F> {
    type Acc = u64;
    type Out = u64;
    fn init(&self) -> u64 {
        0
    }
    fn add(&self, acc: &mut u64, record: &T) {
        *acc += u64::from((self.0)(record));
    }
    fn merge(&self, into: &mut u64, other: u64) {
        *into += other;
    }
    fn finish(&self, acc: &u64) -> u64 {
        *acc
    }
    fn name(&self) -> String {
        "count".into()
    }
}

impl<T: 'static, F: Fn(&T) -> bool + 'static> Retract<T> for Count<F> {
    fn subtract(&self, acc: &mut u64, record: &T) {
        *acc -= u64::from((self.0)(record));
    }
}
