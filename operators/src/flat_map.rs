//! `flat_map`: any number of records for each record.
use crate::Stream;
use crate::stages::{One, Transform};
use millstream_runtime::Result;
use millstream_runtime::batch::{Batch, Parts};
use millstream_runtime::data::Data;
use millstream_runtime::graph::Rule;

impl<T: 'static> Stream<T> {
    /// Any number of records for each record, with its event time.
    #[track_caller]
    pub fn flat_map<U: Data, I: IntoIterator<Item = U>>(self, f: impl FnMut(T) -> I + 'static) -> Stream<U>
    where
        T: Data,
    {
        let at = self.at.stage("flat_map", Rule::Keeps, move |mut init| One::boxed(FlatMap(f), init.next(0)));
        self.behind(at)
    }
}

struct FlatMap<F>(F);

impl<T, U, I: IntoIterator<Item = U>, F: FnMut(T) -> I + 'static> Transform<T, U> for FlatMap<F> {
    fn apply(&mut self, batch: Batch<T>) -> Result<Batch<U>> {
        Ok(expand(batch, &mut self.0))
    }
}

/// Any number of records for each record of a batch.
pub(crate) fn expand<T, U, I: IntoIterator<Item = U>>(batch: Batch<T>, mut f: impl FnMut(T) -> I) -> Batch<U> {
    let Parts { records, times, split, bytes, .. } = batch.into_parts();
    let (room, times_room) = (Vec::with_capacity(records.len()), Vec::with_capacity(times.len()));
    let mut made = Parts { records: room, times: times_room, hashes: vec![], split, bytes };
    for (i, record) in records.into_iter().enumerate() {
        let at = times.get(i).copied();
        for one in f(record) {
            made.records.push(one);
            made.times.extend(at);
        }
    }
    made.into()
}
