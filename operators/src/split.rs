//! `split` and `split_map`: side outputs.
use crate::Stream;
use crate::stages::{Divide, Two};
use crate::stream::Either;
use millstream_runtime::Result;
use millstream_runtime::batch::{Batch, Parts};
use millstream_runtime::data::Data;
use millstream_runtime::graph::Rule;

impl<T: 'static> Stream<T> {
    /// Side outputs: (those that hold, the others).
    #[track_caller]
    pub fn split(self, mut f: impl FnMut(&T) -> bool + 'static) -> (Stream<T>, Stream<T>)
    where
        T: Data,
    {
        let sort = move |record| if f(&record) { Either::Left(record) } else { Either::Right(record) };
        self.divide("split", sort)
    }

    /// Side outputs of two types, from a map or a process that emits an [`Either`].
    #[track_caller]
    pub fn split_map<A: Data, B: Data>(self, f: impl FnMut(T) -> Either<A, B> + 'static) -> (Stream<A>, Stream<B>)
    where
        T: Data,
    {
        self.divide("split_map", f)
    }

    #[track_caller]
    fn divide<A: Data, B: Data>(
        self,
        verb: &'static str,
        f: impl FnMut(T) -> Either<A, B> + 'static,
    ) -> (Stream<A>, Stream<B>)
    where
        T: Data,
    {
        let at = self.at.stage(verb, Rule::Keeps, move |mut init| Two::boxed(SplitMap(f), init.next(0), init.next(1)));
        (self.behind(at.output(0)), self.behind(at.output(1)))
    }
}

struct SplitMap<F>(F);

impl<T, A, B, F: FnMut(T) -> Either<A, B> + 'static> Divide<T, A, B> for SplitMap<F> {
    fn apply(&mut self, batch: Batch<T>) -> Result<(Batch<A>, Batch<B>)> {
        let Parts { records, times, split, .. } = batch.into_parts();
        let mut left: Batch<A> = empty(split);
        let mut right: Batch<B> = empty(split);
        for (i, record) in records.into_iter().enumerate() {
            let at = times.get(i).copied();
            match (self.0)(record) {
                Either::Left(a) => left.push_with(a, at, None),
                Either::Right(b) => right.push_with(b, at, None),
            }
        }
        Ok((left, right))
    }
}

/// A batch of a split, without records.
pub(crate) fn empty<T>(split: Option<u32>) -> Batch<T> {
    Parts { records: vec![], times: vec![], hashes: vec![], split, bytes: 0 }.into()
}
