//! A sink that takes records and forgets them.
use millstream::prelude::*;
use millstream::sink::{Sink, Staging, Writer, now};
use millstream::source::Batch;

/// See the module.
pub struct Forget;
/// Its writer.
pub struct Forgetting;

impl<T: Data> Sink<T> for Forget {
    type Writer = Forgetting;
    fn open(&self, _: usize, _: &[u64]) -> Result<Forgetting> {
        Ok(Forgetting)
    }
    fn commit(&self, _: u64) -> Staging<()> {
        now(Ok(()))
    }
}
impl<T: Data> Writer<T> for Forgetting {
    type Committable = u64;
    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        batch.drain().for_each(drop);
        Ok(())
    }
    fn prepare(&mut self, _: u64) -> Staging<Vec<u64>> {
        now(Ok(vec![]))
    }
}
