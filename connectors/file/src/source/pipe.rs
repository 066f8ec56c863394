//! Input that is read once, front to back: standard input.
use crate::source::lines::{Line, Lines};
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
    type Offset = u64;

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

    fn offset(&self) -> u64 {
        self.lines.at()
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
    let meta = Meta { fault: line.fault, ..Meta::at(Arc::clone(name), line.at) };
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
