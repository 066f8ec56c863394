//! The reader of one split.
use crate::source::STDIN;
use crate::source::pipe::Pipe;
use crate::source::split::FileOffset;
use crate::source::tail::Tail;
use millstream_runtime::Result;
use millstream_runtime::data::Bytes;
use millstream_runtime::source::{Batch, Progress, Reader, Received, Waker};
use millstream_runtime::threaded::Threaded;
use std::io::Stdin;

/// Reads the lines of a file or of standard input. Its offset is where the next line starts.
pub struct FileReader(Kind);

enum Kind {
    File(Box<Tail>),
    /// A read of it may block.
    Stdin(Threaded<Pipe<Stdin>>),
    /// Nothing to read, and where that was.
    Gone(FileOffset),
}

impl FileReader {
    pub(super) fn file(tail: Tail) -> Self {
        Self(Kind::File(Box::new(tail)))
    }

    pub(super) fn stdin(at: u64, max_line: usize) -> Self {
        Self(Kind::Stdin(Threaded::new(Pipe::new(std::io::stdin(), STDIN, at, max_line))))
    }

    pub(super) fn gone(at: FileOffset) -> Self {
        Self(Kind::Gone(at))
    }
}

impl Reader for FileReader {
    type Item = Received<Bytes>;
    type Offset = FileOffset;

    fn read(&mut self, batch: &mut Batch<Received<Bytes>>) -> Result<Progress> {
        match &mut self.0 {
            Kind::File(tail) => tail.read(batch),
            Kind::Stdin(pipe) => pipe.read(batch),
            Kind::Gone(_) => Ok(Progress::Ended),
        }
    }

    fn offset(&self) -> FileOffset {
        match &self.0 {
            Kind::File(tail) => tail.offset(),
            Kind::Stdin(pipe) => pipe.offset(),
            Kind::Gone(at) => at.clone(),
        }
    }

    fn wake_by(&mut self, waker: Waker) {
        if let Kind::Stdin(pipe) = &mut self.0 {
            pipe.wake_by(waker);
        }
    }
}
