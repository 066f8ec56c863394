//! Which numbers a split has, and how many of them are due.
use std::time::{Duration, Instant};

/// The numbers of one split: `first`, `first + step`, .. below `count`; at a rate over all splits, by the clock.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    first: u64,
    step: u64,
    count: u64,
    /// How many numbers of this split were taken: the offset.
    taken: u64,
    rate: Option<Rate>,
}

#[derive(Clone, Debug)]
struct Rate {
    a_second: u64,
    opened: Instant,
    /// The number of the split that was next when it was opened.
    from: u64,
}

/// What is next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Perhaps a number that is due.
    More,
    /// A number that is not due yet.
    Wait,
    /// None.
    End,
}

/// A source at this rate makes records.
pub(crate) fn check(rate: Option<u64>) -> millstream_runtime::Result<()> {
    match rate {
        Some(0) => {
            Err("a rate of 0 records a second: nothing would ever come; leave it out for as fast as possible".into())
        }
        _ => Ok(()),
    }
}

impl Pace {
    /// Of `splits` splits the one with number `split`, from its offset on. The rate counts from now.
    pub(crate) fn new(split: u32, splits: u32, count: u64, taken: u64, rate: Option<u64>) -> Self {
        let (first, step) = (u64::from(split), u64::from(splits.max(1)));
        let from = first.saturating_add(taken.saturating_mul(step));
        let rate = rate.map(|a_second| Rate { a_second, opened: Instant::now(), from });
        Self { first, step, count, taken, rate }
    }

    /// How many numbers of this split were taken.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// How many numbers are due at this moment, of all splits. Ask once for each batch.
    pub(crate) fn due(&self) -> u64 {
        self.rate.as_ref().map_or(u64::MAX, |rate| due(rate.from, rate.a_second, rate.opened.elapsed()))
    }

    /// Takes the next numbers, at most so many, that are below `due`; and what comes then.
    pub(crate) fn take(&mut self, due: u64, most: usize) -> (impl Iterator<Item = u64> + use<>, Next) {
        let next = self.taken.checked_mul(self.step).and_then(|n| n.checked_add(self.first)).unwrap_or(u64::MAX);
        let (limit, step) = (self.count.min(due), self.step);
        let there = limit.saturating_sub(next).div_ceil(step);
        let taken = there.min(most as u64);
        self.taken += taken;
        let then = match taken < there || taken == most as u64 {
            true => Next::More,
            false if due < self.count => Next::Wait,
            false => Next::End,
        };
        ((0..taken).map(move |i| next + i * step), then)
    }
}

/// All numbers below this are due after so long, at a rate, beginning with `from`.
fn due(from: u64, a_second: u64, elapsed: Duration) -> u64 {
    let since = elapsed.as_nanos() * u128::from(a_second) / 1_000_000_000;
    from.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_for_ever_is_refused() {
        assert!(check(Some(0)).unwrap_err().to_string().contains("a rate of 0"));
        assert!(check(Some(1)).is_ok() && check(None).is_ok());
    }

    #[test]
    fn splits_share_the_numbers() {
        let mut all = vec![];
        for split in 0..3 {
            let mut pace = Pace::new(split, 3, 10, 0, None);
            loop {
                let (numbers, then) = pace.take(u64::MAX, 2);
                all.extend(numbers);
                if then == Next::End {
                    break;
                }
            }
        }
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn a_restored_split_goes_on_behind_its_offset() {
        let mut pace = Pace::new(1, 4, 100, 3, None);
        assert_eq!(pace.take(u64::MAX, 1).0.collect::<Vec<_>>(), [13]);
        assert_eq!(pace.taken(), 4);
    }

    #[test]
    fn the_rate_is_kept_over_all_splits() {
        assert_eq!(due(0, 1000, Duration::from_millis(1500)), 1500);
        assert_eq!(due(70, 3, Duration::from_secs(2)), 76);
        assert_eq!(due(u64::MAX - 1, u64::MAX, Duration::from_secs(9)), u64::MAX);
        let mut pace = Pace::new(0, 8, 100, 0, Some(1));
        let (numbers, then) = pace.take(8, 5);
        assert_eq!((numbers.collect::<Vec<_>>(), then), (vec![0], Next::Wait));
        assert_eq!(pace.take(100, 100).0.count(), 12);
        assert_eq!(pace.take(100, 100).1, Next::End);
    }
}
