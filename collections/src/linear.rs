//! Verbs that look at one record at a time: they keep nothing.
use crate::edge::{Time, Update, each};
use crate::verb::{Verb, one, two};
use crate::{Collection, Row};
use millstream_runtime::batch::{Batch, Parts};
use millstream_runtime::native::{Edge, Faults};
use millstream_runtime::parcel::Parcel;
use std::marker::PhantomData;
use timely::dataflow::operators::Concat;

impl<D: Row> Collection<D> {
    /// Makes another record of each. Where two become equal, it is there twice.
    ///
    /// ```
    /// # use millstream_collections::Collection;
    /// fn towns(customers: Collection<(u64, String)>) -> Collection<String> {
    ///     customers.map(|(_, town)| town).distinct()
    /// }
    /// ```
    #[track_caller]
    pub fn map<U: Row>(self, mut f: impl FnMut(D) -> U + 'static) -> Collection<U> {
        self.then("map", Linear::new("map", move |record, by, out: &mut dyn FnMut(U, i64)| out(f(record), by)))
    }

    /// Keeps the records that hold.
    #[track_caller]
    pub fn filter(self, mut f: impl FnMut(&D) -> bool + 'static) -> Collection<D> {
        let keep = move |record, by, out: &mut dyn FnMut(D, i64)| {
            if f(&record) {
                out(record, by);
            }
        };
        self.then("filter", Linear::new("filter", keep))
    }

    /// Makes any number of records of each.
    #[track_caller]
    pub fn flat_map<U: Row, I: IntoIterator<Item = U>>(self, mut f: impl FnMut(D) -> I + 'static) -> Collection<U> {
        let spread =
            move |record, by, out: &mut dyn FnMut(U, i64)| f(record).into_iter().for_each(|made| out(made, by));
        self.then("flat_map", Linear::new("flat_map", spread))
    }

    /// Each record as often less as it was there more: concatenated with another collection, it takes away.
    #[track_caller]
    pub fn negate(self) -> Collection<D> {
        self.then("negate", Linear::new("negate", |record, by: i64, out: &mut dyn FnMut(D, i64)| out(record, -by)))
    }

    /// The records of both: what is in both is there as often as in the two together.
    #[track_caller]
    pub fn concat(self, other: Collection<D>) -> Collection<D> {
        self.with(other, "concat", Both)
    }
}

/// A function of a record and its weight.
struct Linear<D, U, F> {
    name: &'static str,
    f: F,
    of: PhantomData<fn(D) -> U>,
}

impl<D: Row, U: Row, F: FnMut(D, i64, &mut dyn FnMut(U, i64)) + 'static> Linear<D, U, F> {
    fn new(name: &'static str, f: F) -> Self {
        Self { name, f, of: PhantomData }
    }
}

impl<D: Row, U: Row, F: FnMut(D, i64, &mut dyn FnMut(U, i64)) + 'static> Verb for Linear<D, U, F> {
    fn make<'s, T: Time>(self, inputs: Vec<Edge<'s, T>>, faults: &Faults) -> Edge<'s, T> {
        let mut f = self.f;
        each(one(inputs), self.name, faults, move |parcel| {
            let Parts { records, .. } = parcel.open::<Update<D, T>>()?.into_parts();
            let mut made: Vec<Update<U, T>> = Vec::with_capacity(records.len());
            for (record, at, by) in records {
                f(record, by, &mut |record, by| made.push((record, at.clone(), by)));
            }
            Ok(Parcel::new(Batch::from(made)))
        })
    }
}

struct Both;

impl Verb for Both {
    fn make<'s, T: Time>(self, inputs: Vec<Edge<'s, T>>, _faults: &Faults) -> Edge<'s, T> {
        let (left, right) = two(inputs);
        left.concat(right)
    }
}
