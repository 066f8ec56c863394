//! Input that is read once, front to back: standard input.
use crate::source::lines::{Line, Lines};
use crate::source::split::FileOffset;
use millstream_runtime::Result;
use millstream_runtime::data::Bytes;
use millstream_runtime::source::{Batch, Meta, Progress, Reader, Received};
use std::io::{self, Read};
use std::sync::Arc;

/// Lines of anything that can be read. A read of it may block, so it needs a thread of its own.
pub(super) struct Pipe<R> {
    input: R,
    name: Arc<str>,
    lines: Lines,
}

impl<R: Read> Pipe<R> {
    /// Goes on at byte `at`, as the messages count.
    pub(super) fn new(input: R, name: &str, at: u64, max_line: usize) -> Self {
        Self { input, name: name.into(), lines: Lines::new(at, max_line) }
    }
}

impl<R: Read + 'static> Reader for Pipe<R> {
    type Item = Received<Bytes>;
    type Offset = FileOffset;

    /// Reads once, so that lines do not wait for more of them.
    fn read(&mut self, batch: &mut Batch<Received<Bytes>>) -> Result<Progress> {
        if take_lines(&mut self.lines, batch, &self.name) {
            return Ok(Progress::More);
        }
        let read = read_some(&mut self.input, &mut self.lines);
        let ended = read.map_err(|e| format!("{}: cannot be read: {e}", self.name))? == 0;
        if !ended {
            take_lines(&mut self.lines, batch, &self.name);
            return Ok(Progress::More);
        }
        if let Some(line) = self.lines.last() {
            push(batch, line, &self.name);
        }
        Ok(Progress::Ended)
    }

    fn offset(&self) -> FileOffset {
        FileOffset { at: self.lines.at(), path: Arc::clone(&self.name) }
    }
}

/// Appends finished lines. Whether the batch is full; else there are no more.
pub(super) fn take_lines(lines: &mut Lines, batch: &mut Batch<Received<Bytes>>, name: &Arc<str>) -> bool {
    while !batch.is_full() {
        let Some(line) = lines.next() else { return false };
        push(batch, line, name);
    }
    true
}

/// Appends a line.
pub(super) fn push(batch: &mut Batch<Received<Bytes>>, line: Line, name: &Arc<str>) {
    let bytes = line.value.len() + size_of::<Received<Bytes>>();
    let meta = Meta { fault: line.fault, ..Meta::of(Arc::clone(name), line.at) };
    batch.push_sized(Received { value: line.value, meta }, bytes);
}

/// Reads a chunk. 0 is the end, for now.
pub(super) fn read_some(input: &mut impl Read, lines: &mut Lines) -> io::Result<usize> {
    loop {
        match input.read(lines.space()) {
            Ok(bytes) => {
                lines.filled(bytes);
                return Ok(bytes);
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_runtime::threaded::Threaded;
    use std::time::Duration;

    /// Gives its parts one by one, then the end, or an error.
    struct Parts(Vec<io::Result<&'static str>>);

    impl Read for Parts {
        fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
            let part = if self.0.is_empty() { return Ok(0) } else { self.0.remove(0)? };
            space[..part.len()].copy_from_slice(part.as_bytes());
            Ok(part.len())
        }
    }

    #[test]
    fn lines_do_not_wait_for_more_of_them() {
        let interrupted = Err(io::ErrorKind::Interrupted.into());
        let mut pipe = Pipe::new(Parts(vec![Ok("1\n2"), interrupted, Ok("2\n3")]), "-", 10, 100);
        let mut reads = vec![];
        for wanted in [Progress::More, Progress::More, Progress::Ended] {
            let mut batch = Batch::default();
            assert_eq!(pipe.read(&mut batch).unwrap(), wanted);
            reads.push(batch.drain().map(|l| (l.meta.offset, l.value)).collect::<Vec<_>>());
        }
        assert_eq!(reads, [vec![(10, b"1".to_vec())], vec![(12, b"22".to_vec())], vec![(15, b"3".to_vec())]]);
        assert_eq!(pipe.offset(), FileOffset { at: 16, path: "-".into() });
    }

    #[test]
    fn a_pipe_that_breaks_says_so_through_its_thread() {
        let pipe = Pipe::new(Parts(vec![Ok("1\n"), Err(io::ErrorKind::BrokenPipe.into())]), "-", 0, 100);
        let mut threaded = Threaded::new(pipe);
        let mut batch = Batch::default();
        let error = loop {
            match threaded.read(&mut batch) {
                Ok(_) => std::thread::sleep(Duration::from_millis(1)),
                Err(e) => break e.to_string(),
            }
        };
        assert!(error.starts_with("-: cannot be read"), "{error}");
        assert_eq!(batch.len(), 1);
    }
}
