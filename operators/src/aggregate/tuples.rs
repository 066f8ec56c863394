//! Several aggregates over one pass: a tuple gives a tuple.
use super::{Aggregate, Retract};

macro_rules! tuples {
    ($(($($a:ident $i:tt),*))*) => { $(
        impl<T, $($a: Aggregate<T>),*> Aggregate<T> for ($($a,)*) {
            type Acc = ($($a::Acc,)*);
            type Out = ($($a::Out,)*);
            fn init(&self) -> Self::Acc {
                ($(self.$i.init(),)*)
            }
            fn add(&self, acc: &mut Self::Acc, record: &T) {
                $(self.$i.add(&mut acc.$i, record);)*
            }
            fn merge(&self, into: &mut Self::Acc, other: Self::Acc) {
                $(self.$i.merge(&mut into.$i, other.$i);)*
            }
            fn finish(&self, acc: &Self::Acc) -> Self::Out {
                ($(self.$i.finish(&acc.$i),)*)
            }
            fn name(&self) -> String {
                let parts = [$(self.$i.name()),*];
                if parts.iter().any(String::is_empty) { String::new() } else { format!("({})", parts.join(", ")) }
            }
        }
        impl<T, $($a: Retract<T>),*> Retract<T> for ($($a,)*) {
            fn subtract(&self, acc: &mut Self::Acc, record: &T) {
                $(self.$i.subtract(&mut acc.$i, record);)*
            }
        }
    )* };
}
tuples! {
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
}
