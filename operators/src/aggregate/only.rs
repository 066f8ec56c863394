//! `only`: an aggregate of some of the records.
use super::{Aggregate, Retract};

/// See [`only`].
pub struct Only<F, A> {
    holds: F,
    aggregate: A,
}

/// `aggregate` of the records that hold, as SQL's `FILTER (WHERE ..)`.
///
/// ```
/// use millstream_operators::aggregate::{Aggregate, distinct, only};
/// let long = only(|word: &&str| word.len() > 2, distinct(|word: &&str| word.len() as u64));
/// let mut kept = long.init();
/// ["to", "be", "that", "is", "the"].iter().for_each(|word| long.add(&mut kept, word));
/// assert_eq!(long.finish(&kept), 2);
/// ```
pub fn only<T, F: Fn(&T) -> bool, A: Aggregate<T>>(holds: F, aggregate: A) -> Only<F, A> {
    Only { holds, aggregate }
}

impl<T, F: Fn(&T) -> bool + 'static, A: Aggregate<T>> Aggregate<T> for Only<F, A> {
    type Acc = A::Acc;
    type Out = A::Out;
    fn init(&self) -> A::Acc {
        self.aggregate.init()
    }
    fn add(&self, acc: &mut A::Acc, record: &T) {
        if (self.holds)(record) {
            self.aggregate.add(acc, record);
        }
    }
    fn merge(&self, into: &mut A::Acc, other: A::Acc) {
        self.aggregate.merge(into, other);
    }
    fn finish(&self, acc: &A::Acc) -> A::Out {
        self.aggregate.finish(acc)
    }
    fn name(&self) -> String {
        self.aggregate.name() // of any records: `count_if` does not say which either
    }
}

impl<T, F: Fn(&T) -> bool + 'static, A: Retract<T>> Retract<T> for Only<F, A> {
    fn subtract(&self, acc: &mut A::Acc, record: &T) {
        if (self.holds)(record) {
            self.aggregate.subtract(acc, record);
        }
    }
}
