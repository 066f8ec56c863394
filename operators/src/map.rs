//! `map`: one record for each record.
use crate::Stream;
use crate::stages::{One, Transform};
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::data::Data;
use millstream_runtime::graph::Rule;

impl<T: 'static> Stream<T> {
    /// One record for each record. Event times stay.
    #[track_caller]
    pub fn map<U: Data>(self, f: impl FnMut(T) -> U + 'static) -> Stream<U>
    where
        T: Data,
    {
        let at = self.at.stage("map", Rule::Keeps, move |mut init| One::boxed(Map(f), init.next(0)));
        self.behind(at)
    }
}

struct Map<F>(F);

impl<T, U, F: FnMut(T) -> U + 'static> Transform<T, U> for Map<F> {
    fn apply(&mut self, batch: Batch<T>) -> Result<Batch<U>> {
        Ok(batch.map(&mut self.0))
    }
}
