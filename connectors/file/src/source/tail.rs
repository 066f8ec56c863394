//! Reads a file, and follows it while it grows, is renamed, and goes.
use crate::source::lines::Lines;
use crate::source::pipe::{push, read_some, take_lines};
use crate::source::places::{self, FoundFile};
use crate::source::split::{FileOffset, FileSplit, HeadCheck, Inode};
use millstream_runtime::Result;
use millstream_runtime::data::Bytes;
use millstream_runtime::source::{Batch, Progress, Reader, Received};
use std::fs::{File, Metadata};
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One call reads at most so many chunks, also inside a line that has no end.
const CHUNKS: usize = 8;
/// How often an idle reader looks whether its file still has a name in a folder of the source.
const LOOK: Duration = Duration::from_millis(250);
/// A file that has none, and did not grow for so long, has ended: who has it open still may have written until then.
const QUIET: Duration = Duration::from_secs(2);

/// The lines of a file.
pub(super) struct Tail {
    file: File,
    split: FileSplit,
    name: Arc<str>,
    lines: Lines,
    watch: Option<Watch>,
}

/// What following a file takes.
pub(super) struct Watch {
    folders: Vec<PathBuf>,
    path: String,
    /// The end was reached: the next bytes are read when the file is longer.
    waits: bool,
    looked: Option<Instant>,
    nameless: Option<Instant>,
}

impl Watch {
    /// Follows a file while it is in one of the folders.
    pub(super) fn new(folders: Vec<PathBuf>) -> Self {
        Self { folders, path: String::new(), waits: false, looked: None, nameless: None }
    }

    /// Whether the file has had no name in the folders for long enough.
    fn is_over(&mut self, inode: Inode, meta: &Metadata, now: Instant) -> Result<bool> {
        if self.looked.is_some_and(|at| now < at + LOOK) {
            return Ok(false);
        }
        self.looked = Some(now);
        if meta.nlink() > 0 && self.has_name(inode)? {
            self.nameless = None;
            return Ok(false);
        }
        Ok(now >= *self.nameless.get_or_insert(now) + QUIET)
    }

    fn has_name(&mut self, inode: Inode) -> Result<bool> {
        if places::is_still(inode, &self.path) {
            return Ok(true);
        }
        let found = places::whereabouts(inode, &self.folders)?;
        let has = found.is_some();
        self.path = found.unwrap_or_default();
        Ok(has)
    }
}

impl Tail {
    /// Goes on at byte `at`. Refuses a file that has become shorter, or whose byte `at` is inside a line.
    pub(super) fn open(
        found: FoundFile,
        split: FileSplit,
        at: u64,
        max_line: usize,
        watch: Option<Watch>,
    ) -> Result<Self> {
        let FoundFile { mut file, path, .. } = found;
        let fails = |e: std::io::Error| format!("{path}: cannot be read: {e}");
        check_length(&path, at, file.metadata().map_err(fails)?.len())?;
        let mut before = [b'\n'];
        if at > 0 {
            file.read_exact_at(&mut before, at - 1).map_err(fails)?;
        }
        if before != *b"\n" && file.metadata().map_err(fails)?.len() > at {
            return Err(format!(
                "{path}: byte {at} is inside a line: the last line had no end when it was read, and has grown since; \
                 end the file with a line break before the job ends, or read with --follow"
            )
            .into());
        }
        file.seek(SeekFrom::Start(at)).map_err(fails)?;
        let name = Arc::from(path.as_str());
        let watch = watch.map(|watch| Watch { path, ..watch });
        Ok(Self { file, split, name, lines: Lines::new(at, max_line), watch })
    }

    /// Whether there is nothing to read, as far as the file's length says: a look that needs no buffer.
    fn is_waiting(&mut self) -> Result<bool> {
        if !self.watch.as_ref().is_some_and(|w| w.waits) {
            return Ok(false);
        }
        if self.meta()?.len() <= self.lines.position() {
            return Ok(true);
        }
        // Cut to nothing and written anew, it may be longer than before; its head shows that.
        if self.split.check_head(&self.file).map_err(|e| self.fails(&e))? == HeadCheck::Other {
            let at = self.lines.at();
            let name = &self.name;
            return Err(format!("{name}: was overwritten after it was read to byte {at}: rotate it by renaming").into());
        }
        self.watch = self.watch.take().map(|w| Watch { waits: false, nameless: None, ..w });
        Ok(false)
    }

    fn at_end(&mut self, batch: &mut Batch<Received<Bytes>>) -> Result<Progress> {
        let meta = self.meta()?;
        check_length(&self.name, self.lines.position(), meta.len())?;
        if let Some(watch) = &mut self.watch {
            watch.waits = true;
            self.lines.rest();
            if !watch.is_over(self.split.inode(), &meta, Instant::now())? {
                return Ok(Progress::Idle);
            }
        }
        if self.watch.is_some() || meta.nlink() == 0 {
            let (name, end) = (&self.name, self.lines.position());
            tracing::warn!(
                "{name}: the file was removed, or moved out of its folder; it was read to its end, byte {end}"
            );
        }
        if let Some(line) = self.lines.last() {
            push(batch, line, &self.name);
        }
        Ok(Progress::Ended)
    }

    fn meta(&self) -> Result<Metadata> {
        Ok(self.file.metadata().map_err(|e| self.fails(&e))?)
    }

    fn fails(&self, e: &std::io::Error) -> String {
        format!("{}: cannot be read on from byte {}: {e}", self.name, self.lines.at())
    }
}

/// Refuses a file that is shorter than what was read of it.
fn check_length(path: &str, read: u64, length: u64) -> Result<()> {
    if length >= read {
        return Ok(());
    }
    Err(format!(
        "{path}: was cut to {length} bytes after {read} had been read: lines may be lost; \
         rotate it by renaming, without copytruncate"
    )
    .into())
}

impl Reader for Tail {
    type Item = Received<Bytes>;
    type Offset = FileOffset;

    fn read(&mut self, batch: &mut Batch<Received<Bytes>>) -> Result<Progress> {
        if self.is_waiting()? {
            return self.at_end(batch);
        }
        let before = batch.len();
        for _ in 0..CHUNKS {
            if take_lines(&mut self.lines, batch, &self.name) {
                return Ok(Progress::More);
            }
            if read_some(&mut self.file, &mut self.lines).map_err(|e| self.fails(&e))? > 0 {
                continue;
            }
            let end = self.at_end(batch)?;
            // A split with records is not idle.
            return Ok(if end == Progress::Idle && batch.len() > before { Progress::More } else { end });
        }
        Ok(Progress::More)
    }

    fn offset(&self) -> FileOffset {
        FileOffset { at: self.lines.at(), path: Arc::clone(&self.name) }
    }
}
