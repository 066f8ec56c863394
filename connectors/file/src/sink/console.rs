//! Standard output.
use millstream_formats::Encode;
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::data::{Bytes, Data};
use millstream_runtime::sink::{Delivery, Sink, Staging, Writer, now};
use std::io::{self, Write};

/// The terminal, or whatever standard output is.
pub struct Console;

impl Console {
    /// Each record as a line, at once. What is printed cannot be taken back: after a crash lines may come again.
    pub fn stdout<F>(format: F) -> Stdout<F> {
        Stdout { format }
    }
}

/// Prints records, at least once. See [`Console::stdout`].
#[derive(Clone, Debug)]
pub struct Stdout<F> {
    format: F,
}

/// One worker's end of standard output. Waits where the reader of a pipe is slow.
pub struct StdoutWriter<F> {
    format: F,
    lines: Bytes,
}

impl<T: Data, F: Encode<T> + Clone> Sink<T> for Stdout<F> {
    type Writer = StdoutWriter<F>;

    fn open(&self, _worker: usize, _staged: &[()]) -> Result<StdoutWriter<F>> {
        Ok(StdoutWriter { format: self.format.clone(), lines: vec![] })
    }

    fn commit(&self, _staged: ()) -> Staging<()> {
        now(Ok(()))
    }

    fn delivery(&self) -> Delivery {
        Delivery::AtLeastOnce
    }
}

impl<F> StdoutWriter<F> {
    fn encode<T>(&mut self, batch: &mut Batch<T>) -> Result<()>
    where
        F: Encode<T>,
    {
        for record in batch.drain() {
            self.format.encode(&record, &mut self.lines).map_err(|e| format!("standard output: a record {e}"))?;
            self.lines.push(b'\n');
        }
        Ok(())
    }
}

impl<T: Data, F: Encode<T>> Writer<T> for StdoutWriter<F> {
    type Committable = ();

    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        self.encode(batch)?;
        let written = io::stdout().lock().write_all(&self.lines);
        self.lines.clear();
        Ok(written.map_err(|e| format!("standard output: {e}"))?)
    }

    fn prepare(&mut self, _n: u64) -> Staging<Vec<()>> {
        now(io::stdout().lock().flush().map(|()| vec![]).map_err(|e| format!("standard output: {e}").into()))
    }
}
