//! Records that are a function of their number.
use crate::pace::{Next, Pace, check};
use millstream_runtime::Result;
use millstream_runtime::data::Data;
use millstream_runtime::source::{Batch, Progress, Reader, Source, Splits};
use std::marker::PhantomData;
use std::rc::Rc;

/// A source of `count` records, `make(0)` to `make(count - 1)`, in one split. `make` must give the same for the same
/// number, else what is read again after a crash differs.
///
/// ```
/// use millstream_generator::generate;
/// let squares = generate(1_000, |n| n * n).splits(4);
/// # let _ = squares;
/// ```
pub fn generate<T: Data, F: Fn(u64) -> T + 'static>(count: u64, make: F) -> Generate<T, F> {
    Generate { count, make: Rc::new(make), splits: 1, rate: None, record: PhantomData }
}

/// See [`generate`].
pub struct Generate<T, F> {
    count: u64,
    make: Rc<F>,
    splits: u32,
    rate: Option<u64>,
    record: PhantomData<fn() -> T>,
}

impl<T, F> Clone for Generate<T, F> {
    fn clone(&self) -> Self {
        Self { make: Rc::clone(&self.make), ..*self }
    }
}

impl<T, F> Generate<T, F> {
    /// Deals the numbers over so many splits, at least one: split s of k has s, s + k, s + 2 k, ..
    pub fn splits(mut self, splits: u32) -> Self {
        self.splits = splits.max(1);
        self
    }

    /// So many records a second over all splits, at least one; without it as fast as possible.
    pub fn rate(mut self, records_a_second: u64) -> Self {
        self.rate = Some(records_a_second);
        self
    }
}

impl<T: Data, F: Fn(u64) -> T + 'static> Source for Generate<T, F> {
    type Split = u32;
    type Reader = GenerateReader<T, F>;

    fn splits(&mut self) -> Result<Splits<u32>> {
        check(self.rate)?;
        Ok(Splits::Fixed((0..self.splits).map(Into::into).collect()))
    }

    fn open(&self, split: &u32, from: Option<u64>) -> Result<GenerateReader<T, F>> {
        if *split >= self.splits {
            return Err(format!("split {split} of {}: the job was started with more splits before", self.splits).into());
        }
        let pace = Pace::new(*split, self.splits, self.count, from.unwrap_or(0), self.rate);
        Ok(GenerateReader { pace, make: Rc::clone(&self.make), record: PhantomData })
    }
}

/// Makes the records of one split. Its offset is how many it has made.
pub struct GenerateReader<T, F> {
    pace: Pace,
    make: Rc<F>,
    record: PhantomData<fn() -> T>,
}

impl<T: Data, F: Fn(u64) -> T + 'static> Reader for GenerateReader<T, F> {
    type Item = T;
    type Offset = u64;

    fn read(&mut self, batch: &mut Batch<T>) -> Result<Progress> {
        let due = self.pace.due();
        let (numbers, then) = self.pace.take(due, batch.room());
        batch.extend(numbers.map(&*self.make));
        Ok(match then {
            Next::More => Progress::More,
            // Its next record is on its way: where others are ahead, as after a restart, it must not come too late.
            Next::Wait => Progress::Waiting,
            Next::End => Progress::Ended,
        })
    }

    fn offset(&self) -> u64 {
        self.pace.taken()
    }
}
