//! Splits bytes into lines, in bounded memory whatever the bytes are.
use memchr::memchr;

/// How much is read at once.
pub(super) const CHUNK: usize = 256 << 10;

/// What is kept of a line above the limit.
const KEPT: usize = 1024;

/// Lines out of chunks of any size. Holds one line up to the limit and a chunk; of a longer line its head and its
/// length.
pub(super) struct Lines {
    buffer: Vec<u8>,
    /// Where the line that is not finished starts in the buffer.
    start: usize,
    /// Before it the unfinished line has no end.
    scanned: usize,
    /// Where the bytes that were read end.
    end: usize,
    /// Of the input, the byte where the unfinished line starts.
    at: u64,
    max_line: usize,
    long: Option<Long>,
}

/// A line above the limit, so far.
struct Long {
    head: Vec<u8>,
    length: u64,
}

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) value: Vec<u8>,
    /// Of the input, its first byte.
    pub(super) at: u64,
    /// Why the value is only the line's head.
    pub(super) fault: Option<Box<str>>,
}

impl Lines {
    /// For input that goes on at byte `at`, where a line starts.
    pub(super) fn new(at: u64, max_line: usize) -> Self {
        Self { buffer: vec![], start: 0, scanned: 0, end: 0, at, max_line, long: None }
    }

    /// Of the input, the byte where the first line starts that was not given yet.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Of the input, the byte that is to be read next.
    pub(super) fn position(&self) -> u64 {
        self.at + self.long.as_ref().map_or(0, |l| l.length) + (self.end - self.start) as u64
    }

    /// Where to read the next bytes to. Ask only when [`Lines::next`] has none.
    pub(super) fn space(&mut self) -> &mut [u8] {
        let kept = self.end - self.start;
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.scanned, self.end) = (0, self.scanned - self.start, kept);
        if self.buffer.len() > CHUNK && kept < CHUNK / 2 {
            self.buffer.truncate(CHUNK);
            self.buffer.shrink_to_fit();
        }
        if kept == self.buffer.len() {
            self.buffer.resize((2 * kept).clamp(CHUNK, self.max_line + CHUNK), 0);
        }
        &mut self.buffer[kept..]
    }

    /// So many bytes were read to the space.
    pub(super) fn filled(&mut self, bytes: usize) {
        self.end += bytes;
    }

    /// The next line that has an end.
    pub(super) fn next(&mut self) -> Option<Line> {
        let Some(found) = memchr(b'\n', &self.buffer[self.scanned..self.end]) else {
            self.scanned = self.end;
            self.shorten();
            return None;
        };
        let end = self.scanned + found;
        let line = self.line(end);
        self.at += 1;
        (self.start, self.scanned) = (end + 1, end + 1);
        Some(line)
    }

    /// The last line of the input, which has no end.
    pub(super) fn last(&mut self) -> Option<Line> {
        let some = self.long.is_some() || self.start < self.end;
        some.then(|| self.line(self.end))
    }

    /// Gives the memory back that an idle input does not need.
    pub(super) fn rest(&mut self) {
        self.buffer = self.buffer[self.start..self.end].to_vec();
        (self.start, self.scanned, self.end) = (0, self.scanned - self.start, self.buffer.len());
    }

    /// Takes the line that ends at `end`, without its end.
    fn line(&mut self, end: usize) -> Line {
        if self.long.is_none() && end - self.start > self.max_line {
            self.long = Some(Long { head: vec![], length: 0 });
        }
        let at = self.at;
        let Some(mut long) = self.long.take() else {
            let value = self.buffer[self.start..end].to_vec();
            (self.at, self.start, self.scanned) = (at + value.len() as u64, end, end);
            return Line { value, at, fault: None };
        };
        long.extend(&self.buffer[self.start..end]);
        (self.at, self.start, self.scanned) = (at + long.length, end, end);
        let (length, limit) = (long.length, self.max_line);
        let fault = format!("a line of {length} bytes is above the limit of {limit} (--max-line); this is its head");
        Line { value: long.head, at, fault: Some(fault.into()) }
    }

    /// Keeps the head only, if the line has become too long.
    fn shorten(&mut self) {
        if self.long.is_none() && self.end - self.start <= self.max_line {
            return;
        }
        let long = self.long.get_or_insert(Long { head: vec![], length: 0 });
        long.extend(&self.buffer[self.start..self.end]);
        (self.start, self.scanned) = (self.end, self.end);
    }
}

impl Long {
    fn extend(&mut self, bytes: &[u8]) {
        let kept = bytes.len().min(KEPT - self.head.len());
        self.head.extend_from_slice(&bytes[..kept]);
        self.length += bytes.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The lines of bytes that come in chunks of these sizes, over and over; idle after some.
    fn chunked(mut bytes: &[u8], sizes: &[usize], idle: bool, max_line: usize) -> Vec<Line> {
        let mut lines = Lines::new(0, max_line);
        let (mut got, mut all) = (vec![], bytes.len() as u64);
        for size in sizes.iter().cycle() {
            assert_eq!(lines.position() + bytes.len() as u64, all);
            let size = (*size).min(bytes.len());
            let (chunk, rest) = bytes.split_at(size);
            lines.space()[..size].copy_from_slice(chunk);
            lines.filled(size);
            got.extend(std::iter::from_fn(|| lines.next()));
            if idle {
                lines.rest();
            }
            bytes = rest;
            if bytes.is_empty() {
                break;
            }
        }
        got.extend(lines.last());
        assert_eq!((lines.at(), lines.last()), (all, None));
        all = lines.position();
        assert_eq!(lines.at(), all);
        got
    }

    proptest! {
        #[test]
        fn lines_are_the_same_for_all_chunkings(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'a'), any::<u8>()], 0..400),
            sizes in proptest::collection::vec(1usize..50, 1..10),
            idle: bool, max_line in 1usize..30,
        ) {
            let wanted = chunked(&bytes, &[bytes.len().max(1)], false, max_line);
            prop_assert_eq!(chunked(&bytes, &sizes, idle, max_line), wanted);
        }
    }

    #[test]
    fn memory_is_bounded_by_the_limit_and_a_chunk() {
        let mut lines = Lines::new(0, 2 * CHUNK);
        for _ in 0..50 {
            let space = lines.space();
            space.fill(b'x');
            let filled = space.len();
            lines.filled(filled);
            assert_eq!(lines.next(), None);
            assert!(lines.buffer.len() <= 3 * CHUNK);
        }
        lines.space()[0] = b'\n';
        lines.filled(1);
        assert!(lines.next().is_some_and(|l| l.fault.is_some() && l.value.len() == KEPT));
        lines.space();
        assert_eq!(lines.buffer.len(), CHUNK);
    }
}
