//! `inspect`: a look at each record.
use crate::Stream;
use crate::stages::{One, Transform};
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::data::Data;
use millstream_runtime::graph::Rule;

impl<T: 'static> Stream<T> {
    /// Looks at each record. After a crash it sees some of them again.
    #[track_caller]
    pub fn inspect(self, f: impl FnMut(&T) + 'static) -> Stream<T>
    where
        T: Data,
    {
        let at = self.at.stage("inspect", Rule::Keeps, move |mut init| One::boxed(Inspect(f), init.next(0)));
        self.behind(at)
    }
}

struct Inspect<F>(F);

impl<T, F: FnMut(&T) + 'static> Transform<T, T> for Inspect<F> {
    fn apply(&mut self, batch: Batch<T>) -> Result<Batch<T>> {
        batch.iter().for_each(&mut self.0);
        Ok(batch)
    }
}
