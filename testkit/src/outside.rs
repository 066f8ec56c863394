//! What stands in a job where a test puts its own sources and sinks.
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::data::Data;
use millstream_runtime::sink::{Sink, Staging, Writer, now};
use millstream_runtime::source::{Progress, Reader, Source, Splits};
use std::marker::PhantomData;

/// A source and a sink that a test replaces; made by [`outside`].
pub struct Outside<T>(PhantomData<fn() -> T>);

/// In the place of a source or sink of a job that is only tested: [`crash_test`](crate::crash_test) and
/// [`graph`](crate::graph) put their own there. A job that really runs fails with it.
///
/// ```
/// use millstream_operators::Job;
/// let plan = millstream_testkit::graph(|job: &Job| {
///     job.source("numbers", millstream_testkit::outside::<u64>()).sink("kept", millstream_testkit::outside());
///     Ok(())
/// });
/// # drop(plan);
/// ```
pub fn outside<T>() -> Outside<T> {
    Outside(PhantomData)
}

fn not_replaced<T>() -> Result<T> {
    Err("not replaced".into())
}

impl<T: Data> Source for Outside<T> {
    type Split = u32;
    type Reader = Outside<T>;

    fn splits(&mut self) -> Result<Splits<u32>> {
        not_replaced()
    }

    fn open(&self, _: &u32, _: Option<u64>) -> Result<Outside<T>> {
        not_replaced()
    }
}

impl<T: Data> Reader for Outside<T> {
    type Item = T;
    type Offset = u64;

    fn read(&mut self, _: &mut Batch<T>) -> Result<Progress> {
        not_replaced()
    }

    fn offset(&self) -> u64 {
        0
    }
}

impl<T: Data> Sink<T> for Outside<T> {
    type Writer = Outside<T>;

    fn open(&self, _: usize, _: &[u64]) -> Result<Outside<T>> {
        not_replaced()
    }

    fn commit(&self, _: u64) -> Staging<()> {
        now(not_replaced())
    }
}

impl<T: Data> Writer<T> for Outside<T> {
    type Committable = u64;

    fn write(&mut self, _: &mut Batch<T>) -> Result<()> {
        not_replaced()
    }

    fn prepare(&mut self, _: u64) -> Staging<Vec<u64>> {
        now(not_replaced())
    }
}
