//! `filter`: the records that hold.
use crate::Stream;
use crate::stages::{One, Transform};
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::data::Data;
use millstream_runtime::graph::Rule;

impl<T: 'static> Stream<T> {
    /// Keeps the records that hold.
    #[track_caller]
    pub fn filter(self, f: impl FnMut(&T) -> bool + 'static) -> Stream<T>
    where
        T: Data,
    {
        let at = self.at.stage("filter", Rule::Keeps, move |mut init| One::boxed(Filter(f), init.next(0)));
        self.behind(at)
    }
}

struct Filter<F>(F);

impl<T, F: FnMut(&T) -> bool + 'static> Transform<T, T> for Filter<F> {
    fn apply(&mut self, mut batch: Batch<T>) -> Result<Batch<T>> {
        batch.retain(&mut self.0);
        Ok(batch)
    }
}
