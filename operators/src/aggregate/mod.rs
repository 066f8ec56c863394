//! Aggregates: what a window, or a running total, keeps of its records.

mod collect;
mod count;
mod distinct_approx;
mod extreme;
mod number;
mod only;
mod pick;
mod quantiles;
mod sets;
mod tuples;

pub use collect::{Collect, collect};
pub use count::{All, Count, count, count_if};
pub use distinct_approx::{DistinctApprox, Sketch, distinct_approx};
pub use extreme::{Extreme, max, min};
pub use number::{Mean, Number, Sum, mean, sum};
pub use only::{Only, only};
pub use pick::{Pick, argmax, argmin};
pub use quantiles::{Buckets, Quantiles, quantiles};
pub use sets::{Distinct, TopK, distinct, top_k};

use millstream_runtime::data::{Data, State};

/// What is kept of many records, and what it comes to.
///
/// Laws: `merge` is associative and commutative; adding records to an empty accumulator and merging that equals adding
/// them. If they are broken, results depend on the number of workers (accumulators are combined before the exchange),
/// and sessions and sliding windows come out wrong.
///
/// ```
/// use millstream_operators::aggregate::{Aggregate, count, max};
/// let both = (count(), max(|word: &String| word.len() as u64));
/// let mut all = both.init();
/// both.add(&mut all, &"to".to_string());
/// let mut others = both.init();
/// both.add(&mut others, &"whom".to_string());
/// both.merge(&mut all, others);
/// assert_eq!(both.finish(&all), (2, Some(4)));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not aggregate `{T}`",
    label = "use `count()`, `sum(|r: &T| ..)`, `top_k(..)`, a tuple of these, or implement `Aggregate<{T}>`"
)]
pub trait Aggregate<T>: 'static {
    /// What is kept.
    type Acc: State;
    /// What it comes to.
    type Out: Data;
    /// Of no record.
    fn init(&self) -> Self::Acc;
    /// With one record more.
    fn add(&self, acc: &mut Self::Acc, record: &T);
    /// With all the records of another.
    fn merge(&self, into: &mut Self::Acc, other: Self::Acc);
    /// What the records come to. Records may follow.
    fn finish(&self, acc: &Self::Acc) -> Self::Out;
    /// What it is, where the type of what it keeps does not tell: `sum`, `max`. Noted in checkpoints; state of another
    /// name is refused, unless one of the two is empty.
    fn name(&self) -> String {
        String::new()
    }
}

/// An aggregate that can take a record back: for tables, whose rows change.
///
/// Law: taking back a record that was added leaves what was there before it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot take a row back, and a table's rows change",
    label = "use `count()`, `sum(..)`, `mean(..)`, or implement `Retract<{T}>`"
)]
pub trait Retract<T>: Aggregate<T> {
    /// Without one record that was added.
    fn subtract(&self, acc: &mut Self::Acc, record: &T);
}
