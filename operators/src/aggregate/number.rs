//! `sum` and `mean`.
use super::{Aggregate, Retract};
use millstream_runtime::data::State;
use std::marker::PhantomData;
use std::ops::{AddAssign, SubAssign};

/// What `sum` and `mean` take. Floats add up in an order that a crash may change: for money use integers.
pub trait Number: State + Copy + Default + PartialOrd + AddAssign + SubAssign {
    /// The nearest float.
    fn as_f64(self) -> f64;
}

macro_rules! numbers {
    ($($t:ty)*) => { $(
        impl Number for $t {
            fn as_f64(self) -> f64 {
                self as f64
            }
        }
    )* };
}
numbers!(u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 f32 f64);

/// See [`sum`].
pub struct Sum<T, N, F>(F, PhantomData<fn(T) -> N>);

/// See [`mean`].
pub struct Mean<T, N, F>(F, PhantomData<fn(T) -> N>);

/// The sum of what `f` reads of each record, in its own type: choose one that is wide enough.
pub fn sum<T, N: Number, F: Fn(&T) -> N>(f: F) -> Sum<T, N, F> {
    Sum(f, PhantomData)
}

/// The mean of what `f` reads of each record.
pub fn mean<T, N: Number, F: Fn(&T) -> N>(f: F) -> Mean<T, N, F> {
    Mean(f, PhantomData)
}

impl<T: 'static, N: Number, F: Fn(&T) -> N + 'static> Aggregate<T> for Sum<T, N, F> {
    type Acc = N;
    type Out = N;
    fn init(&self) -> N {
        N::default()
    }
    fn add(&self, acc: &mut N, record: &T) {
        *acc += (self.0)(record);
    }
    fn merge(&self, into: &mut N, other: N) {
        *into += other;
    }
    fn finish(&self, acc: &N) -> N {
        *acc
    }
    fn name(&self) -> String {
        "sum".into()
    }
}

impl<T: 'static, N: Number, F: Fn(&T) -> N + 'static> Retract<T> for Sum<T, N, F> {
    fn subtract(&self, acc: &mut N, record: &T) {
        *acc -= (self.0)(record);
    }
}

impl<T: 'static, N: Number, F: Fn(&T) -> N + 'static> Aggregate<T> for Mean<T, N, F> {
    type Acc = (N, u64);
    type Out = f64;
    fn init(&self) -> (N, u64) {
        (N::default(), 0)
    }
    fn add(&self, acc: &mut (N, u64), record: &T) {
        acc.0 += (self.0)(record);
        acc.1 += 1;
    }
    fn merge(&self, into: &mut (N, u64), other: (N, u64)) {
        into.0 += other.0;
        into.1 += other.1;
    }
    fn finish(&self, acc: &(N, u64)) -> f64 {
        acc.0.as_f64() / acc.1 as f64
    }
    fn name(&self) -> String {
        "mean".into()
    }
}

impl<T: 'static, N: Number, F: Fn(&T) -> N + 'static> Retract<T> for Mean<T, N, F> {
    fn subtract(&self, acc: &mut (N, u64), record: &T) {
        acc.0 -= (self.0)(record);
        acc.1 -= 1;
    }
}
