//! How many bytes a source may read in a slice.

/// Each source may read so much in a slice, however little it has read lately, if the tick allows it.
const ALWAYS: u64 = 1 << 20;

/// The tick's credit, but not much more than the source has lately read in a slice: the credit of sinks that keep up
/// grows beyond what anybody reads, and would all be read into memory at once when a sink stops.
#[derive(Debug, Default)]
pub(crate) struct Credit {
    left: u64,
    read: u64,
    /// The most that was read in a slice; forgotten within a second or so.
    usual: u64,
}

impl Credit {
    /// A slice begins, with so much from the ticker.
    pub fn begin(&mut self, granted: u64) {
        self.usual = self.read.max(self.usual - self.usual / 32);
        self.read = 0;
        self.left = granted.min((self.usual * 2).max(ALWAYS));
    }

    /// So many bytes were read. The last batch may go beyond what was left.
    pub fn take(&mut self, bytes: u64) {
        self.read += bytes;
        self.left = self.left.saturating_sub(bytes);
    }

    /// Whether the source may go on.
    pub fn is_left(&self) -> bool {
        self.left > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads all that a slice allows.
    fn read_all(credit: &mut Credit, granted: u64) -> u64 {
        credit.begin(granted);
        let left = credit.left;
        credit.take(left);
        assert!(!credit.is_left());
        left
    }

    #[test]
    fn a_source_that_reads_all_doubles_what_it_may_up_to_the_grant() {
        let mut credit = Credit::default();
        let slices: Vec<u64> = (0..5).map(|_| read_all(&mut credit, 10 << 20) >> 20).collect();
        assert_eq!(slices, [1, 2, 4, 8, 10]);
    }

    #[test]
    fn a_source_that_reads_little_is_not_granted_much_more() {
        let mut credit = Credit::default();
        for _ in 0..100 {
            credit.begin(64 << 20);
            credit.take(3 << 20);
        }
        credit.begin(64 << 20);
        assert_eq!(credit.left, 6 << 20);
        credit.begin(0);
        assert!(!credit.is_left(), "a job that stops reads nothing");
    }

    #[test]
    fn a_burst_is_remembered_for_some_slices() {
        let mut credit = Credit::default();
        credit.begin(64 << 20);
        credit.take(8 << 20);
        (0..10).for_each(|_| credit.begin(64 << 20));
        assert!(credit.left > 8 << 20, "{}", credit.left);
        (0..200).for_each(|_| credit.begin(64 << 20));
        assert_eq!(credit.left, ALWAYS);
    }
}
