//! The sinks: files that become visible whole, and standard output.
pub(crate) mod console;
pub(crate) mod staged;
pub(crate) mod writer;

use crate::sink::staged::{Folder, StagedFile};
use crate::sink::writer::FileWriter;
use crate::source::FileSource;
use millstream_formats::Encode;
use millstream_runtime::Result;
use millstream_runtime::data::Data;
use millstream_runtime::sink::{Delivery, Sink, Staging, blocking};
use std::path::Path;

/// Files and folders, `-` for standard input.
pub struct Files;

impl Files {
    /// Lines as bytes, at most 1 MiB each unless told otherwise. The meta data has the file's name and the line's first
    /// byte.
    pub fn lines<P: AsRef<str>>(paths: impl IntoIterator<Item = P>) -> FileSource {
        FileSource::new(paths.into_iter().map(|p| p.as_ref().into()).collect())
    }

    /// Lines of standard input. They cannot be read again, so a crash may lose some.
    pub fn stdin() -> FileSource {
        Self::lines(["-"])
    }

    /// Staged, fsynced and renamed at each checkpoint: what is visible is whole. The folder belongs to one sink of one
    /// job; it is made where there is none. A record is a line; the files are `part-<checkpoint>-<worker>.<format>`.
    pub fn write<F>(folder: impl AsRef<Path>, format: F) -> FileSink<F> {
        FileSink { folder: folder.as_ref().into(), format, delivery: Delivery::Best }
    }
}

/// Writes records to files of a folder, exactly once. See [`Files::write`].
#[derive(Clone, Debug)]
pub struct FileSink<F> {
    folder: Folder,
    format: F,
    delivery: Delivery,
}

impl<F> FileSink<F> {
    /// Demands it: a graph with a source that cannot be read again, such as standard input, is then refused before any
    /// record flows. Without it such a graph runs, at least once, and `plan` says so.
    ///
    /// ```
    /// use millstream_file::Files;
    /// use millstream_formats::Json;
    /// let orders = Files::write("orders", Json).exactly_once();
    /// ```
    pub fn exactly_once(mut self) -> Self {
        self.delivery = Delivery::ExactlyOnce;
        self
    }
}

impl<T: Data, F: Encode<T> + Clone> Sink<T> for FileSink<F> {
    type Writer = FileWriter<F>;

    fn open(&self, worker: usize, staged: &[StagedFile]) -> Result<FileWriter<F>> {
        let extension = self.format.extension();
        self.folder.make()?;
        self.folder.check_writable(worker)?;
        if worker == 0 {
            self.folder.remove_stale(extension, staged)?;
        }
        Ok(FileWriter::new(self.folder.clone(), self.format.clone(), extension, worker))
    }

    fn commit(&self, staged: StagedFile) -> Staging<()> {
        let folder = self.folder.clone();
        blocking(move || folder.commit(&staged))
    }

    fn delivery(&self) -> Delivery {
        self.delivery
    }
}
