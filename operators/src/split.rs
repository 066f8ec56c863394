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
        let mut sort = move |record| if f(&record) { Either::Left(record) } else { Either::Right(record) };
        self.divide("split", move |record| Some(sort(record)))
    }

    /// Side outputs of two types, from a map or a process that emits an [`Either`].
    #[track_caller]
    pub fn split_map<A: Data, B: Data>(self, mut f: impl FnMut(T) -> Either<A, B> + 'static) -> (Stream<A>, Stream<B>)
    where
        T: Data,
    {
        self.divide("split_map", move |record| Some(f(record)))
    }

    /// Side outputs of two types: any number of records for each record, with its event time.
    ///
    /// ```
    /// use millstream_operators::{Either, Stream};
    /// /// Words and numbers apart; of a line without a word, nothing.
    /// fn sorted(lines: Stream<String>) -> (Stream<String>, Stream<i64>) {
    ///     lines.split_flat_map(|line| {
    ///         let apart = |word: &str| word.parse().map_or_else(|_| Either::Left(word.to_owned()), Either::Right);
    ///         line.split_whitespace().map(apart).collect::<Vec<_>>()
    ///     })
    /// }
    /// ```
    #[track_caller]
    pub fn split_flat_map<A: Data, B: Data, I: IntoIterator<Item = Either<A, B>>>(
        self,
        f: impl FnMut(T) -> I + 'static,
    ) -> (Stream<A>, Stream<B>)
    where
        T: Data,
    {
        self.divide("split_flat_map", f)
    }

    #[track_caller]
    fn divide<A: Data, B: Data, I: IntoIterator<Item = Either<A, B>>>(
        self,
        verb: &'static str,
        f: impl FnMut(T) -> I + 'static,
    ) -> (Stream<A>, Stream<B>)
    where
        T: Data,
    {
        let sides = Sides { f, left: Batch::default(), right: Batch::default() };
        let at = self.at.stage(verb, Rule::Keeps, move |mut init| Two::boxed(sides, init.next(0), init.next(1)));
        (self.behind(at.output(0)), self.behind(at.output(1)))
    }
}

struct Sides<F, A, B> {
    f: F,
    left: Batch<A>,
    right: Batch<B>,
}

impl<T, A: 'static, B: 'static, I, F> Divide<T, A, B> for Sides<F, A, B>
where
    I: IntoIterator<Item = Either<A, B>>,
    F: FnMut(T) -> I + 'static,
{
    fn apply(&mut self, batch: Batch<T>) -> Result<(Batch<A>, Batch<B>)> {
        let Parts { records, times, split, .. } = batch.into_parts();
        for (i, record) in records.into_iter().enumerate() {
            let at = times.get(i).copied();
            for one in (self.f)(record) {
                match one {
                    Either::Left(a) => self.left.push_with(a, at, None),
                    Either::Right(b) => self.right.push_with(b, at, None),
                }
            }
        }
        let left = Parts { split, ..self.left.renew().into_parts() };
        let right = Parts { split, ..self.right.renew().into_parts() };
        Ok((left.into(), right.into()))
    }
}

/// A batch of a split, without records.
pub(crate) fn empty<T>(split: Option<u32>) -> Batch<T> {
    Parts { records: vec![], times: vec![], hashes: vec![], split, bytes: 0 }.into()
}
