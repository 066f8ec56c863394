//! `route`: to several streams at once.
use crate::Stream;
use crate::stages::hand_on;
use millstream_runtime::Result;
use millstream_runtime::batch::{Batch, Parts};
use millstream_runtime::data::Data;
use millstream_runtime::graph::Rule;
use millstream_runtime::parcel::Parcel;
use millstream_runtime::stage::{Next, Outputs, Stage};
use std::marker::PhantomData;

impl<T: 'static> Stream<T> {
    /// So many streams: `choose` appends the numbers of those that a record goes to, from 0 on. A record for which it
    /// appends none goes nowhere.
    ///
    /// ```
    /// # use millstream_operators::Stream;
    /// fn by_size(all: Stream<u64>) -> Vec<Stream<u64>> {
    ///     all.route(2, |n, to| to.push(usize::from(*n > 100)))
    /// }
    /// ```
    #[track_caller]
    pub fn route(self, ways: usize, choose: impl FnMut(&T, &mut Vec<usize>) + 'static) -> Vec<Stream<T>>
    where
        T: Data,
    {
        let at = self.at.stage("route", Rule::Keeps, move |mut init| {
            let next = (0..ways).map(|way| init.next(way)).collect();
            Box::new(Route { choose, next, chosen: vec![], of: PhantomData })
        });
        (0..ways).map(|way| self.behind(at.output(way))).collect()
    }
}

struct Route<T, F> {
    choose: F,
    next: Vec<Next>,
    chosen: Vec<usize>,
    of: PhantomData<fn(T)>,
}

impl<T: Data, F: FnMut(&T, &mut Vec<usize>) + 'static> Route<T, F> {
    fn deal(&mut self, batch: Batch<T>) -> Vec<Batch<T>> {
        let Parts { records, times, split, .. } = batch.into_parts();
        let empty = || Parts { records: vec![], times: vec![], hashes: vec![], split, bytes: 0 }.into();
        let mut dealt: Vec<Batch<T>> = self.next.iter().map(|_| empty()).collect();
        for (i, record) in records.into_iter().enumerate() {
            self.chosen.clear();
            (self.choose)(&record, &mut self.chosen);
            let at = times.get(i).copied();
            let Some((last, others)) = self.chosen.split_last() else { continue };
            for way in others {
                if let Some(to) = dealt.get_mut(*way) {
                    to.push_with(record.clone(), at, None);
                }
            }
            if let Some(to) = dealt.get_mut(*last) {
                to.push_with(record, at, None);
            }
        }
        dealt
    }
}

impl<T: Data, F: FnMut(&T, &mut Vec<usize>) + 'static> Stage for Route<T, F> {
    fn push(&mut self, batch: Parcel, out: &mut Outputs) -> Result<()> {
        let dealt = self.deal(batch.open()?);
        self.next.iter_mut().zip(dealt).try_for_each(|(next, batch)| hand_on(next, batch, out))
    }

    fn flush(&mut self, out: &mut Outputs) -> Result<()> {
        self.next.iter_mut().try_for_each(|next| next.flush(out))
    }
}
