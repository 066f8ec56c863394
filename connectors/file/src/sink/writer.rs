//! One worker's end of a file sink.
use crate::sink::staged::{Folder, StagedFile, hidden_name, visible_name};
use millstream_formats::Encode;
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::data::{Bytes, Data};
use millstream_runtime::sink::{Staging, Writer, blocking, now};
use std::fs::{self, File};
use std::io::{self, Write};

/// Encoded lines are collected to so many bytes before they go to the file.
const BUFFER: usize = 256 << 10;

/// Writes an interval's records to a hidden file, which is made with the first of them.
pub struct FileWriter<F> {
    folder: Folder,
    format: F,
    extension: &'static str,
    worker: usize,
    open: Option<Hidden>,
}

impl<F> FileWriter<F> {
    pub(super) fn new(folder: Folder, format: F, extension: &'static str, worker: usize) -> Self {
        Self { folder, format, extension, worker, open: None }
    }

    fn hidden(&mut self) -> Result<&mut Hidden> {
        if self.open.is_none() {
            self.open = Some(Hidden::create(self.folder.clone(), hidden_name(self.worker, self.extension))?);
        }
        self.open.as_mut().ok_or_else(|| "no open file".into())
    }
}

impl<T: Data, F: Encode<T>> Writer<T> for FileWriter<F> {
    type Committable = StagedFile;

    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        if self.open.is_none() {
            self.format.begin_file();
        }
        let mut lines = std::mem::take(&mut self.hidden()?.buffer);
        for record in batch.drain() {
            let encoded = self.format.encode(&record, &mut lines);
            encoded.map_err(|e| format!("{}: a record {e}", self.folder.file("").display()))?;
            lines.push(b'\n');
        }
        let hidden = self.hidden()?;
        hidden.buffer = lines;
        if hidden.buffer.len() >= BUFFER { hidden.flush() } else { Ok(()) }
    }

    fn prepare(&mut self, n: u64) -> Staging<Vec<StagedFile>> {
        let Some(hidden) = self.open.take() else { return now(Ok(vec![])) };
        let visible = visible_name(n, self.worker, self.extension);
        blocking(move || hidden.stage(visible).map(|staged| vec![staged]))
    }
}

/// A hidden file that is being written. Removed when dropped before it is staged.
struct Hidden {
    folder: Folder,
    name: String,
    file: File,
    buffer: Bytes,
    written: u64,
    staged: bool,
}

impl Hidden {
    fn create(folder: Folder, name: String) -> Result<Self> {
        let path = folder.file(&name);
        let file = File::create_new(&path).map_err(|e| format!("{}: cannot be made: {e}", path.display()))?;
        Ok(Self { folder, name, file, buffer: vec![], written: 0, staged: false })
    }

    fn flush(&mut self) -> Result<()> {
        self.file.write_all(&self.buffer).map_err(|e| self.fails(&e))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Everything on disk: bytes, length and name.
    fn stage(mut self, visible: String) -> Result<StagedFile> {
        self.flush()?;
        self.file.sync_all().map_err(|e| self.fails(&e))?;
        let len = self.file.metadata().map_err(|e| self.fails(&e))?.len();
        if len != self.written {
            return Err(format!("{}: has {len} bytes, but {} were written", self.path(), self.written).into());
        }
        self.folder.sync().map_err(|e| self.fails(&e))?;
        self.staged = true;
        Ok(StagedFile { hidden: std::mem::take(&mut self.name), visible, len })
    }

    fn path(&self) -> String {
        self.folder.file(&self.name).display().to_string()
    }

    fn fails(&self, e: &io::Error) -> String {
        format!("{}: cannot be written after byte {}: {e}", self.path(), self.written)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if !self.staged
            && let Err(e) = fs::remove_file(self.folder.file(&self.name))
        {
            tracing::debug!("{}: stays, hidden: {e}", self.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file on the one device that is always full.
    fn full(folder: &std::path::Path) -> Hidden {
        let file = File::options().write(true).open("/dev/full").unwrap();
        Hidden {
            folder: folder.into(),
            name: ".part-x".into(),
            file,
            buffer: b"line\n".to_vec(),
            written: 0,
            staged: false,
        }
    }

    #[test]
    fn a_full_disk_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        for error in [full(folder.path()).flush().err(), full(folder.path()).stage("part-1".into()).err()] {
            let error = error.unwrap().to_string();
            assert!(error.contains(".part-x") && error.contains("space"), "{error}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is visible");
    }
}
