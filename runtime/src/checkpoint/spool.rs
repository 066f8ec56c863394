//! A file for entries that wait for their checkpoint and are too many for memory: runs, each sorted by key group.
//!
//! It is never the truth and never read by another process: nothing is forced to the disk. Its name is gone at once, its
//! space with the last who may read it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::chance::random_id;
use super::error::{CheckpointError, Result};

/// Group (2) and length (4) in front of the entries of a piece.
pub(super) const HEADER_LEN: usize = 6;

/// So much is written at once.
const WRITE: usize = 256 << 10;

/// Where entries go that are too many for memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spool {
    folder: PathBuf,
    room: usize,
    /// Made when it is needed first.
    file: Option<Arc<SpoolFile>>,
}

#[derive(Debug)]
pub(super) struct SpoolFile {
    pub(super) file: File,
    folder: PathBuf,
    end: AtomicU64,
}

/// Two are equal if they are one.
impl PartialEq for SpoolFile {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for SpoolFile {}

/// Pieces in a file, sorted by group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SpooledRun {
    pub(super) file: Arc<SpoolFile>,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) crc: u32,
}

impl Spool {
    /// Keeps about `room` bytes in memory, and the rest in a file in `folder`.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, room: usize) -> Self {
        Self { folder: folder.into(), room, file: None }
    }

    pub(super) fn room(&self) -> usize {
        self.room
    }

    /// Begins a run of at most so many bytes, with a header for each piece.
    pub(super) fn begin(&mut self, most: u64) -> Result<RunWriter> {
        let file = Arc::clone(self.file()?);
        let start = file.end.fetch_add(most, Relaxed);
        Ok(RunWriter { run: SpooledRun { file, start, end: start, crc: 0 }, buffer: Vec::new() })
    }

    fn file(&mut self) -> Result<&Arc<SpoolFile>> {
        let file = match self.file.take() {
            Some(file) => file,
            None => {
                let file = nameless(&self.folder).map_err(|e| wrong(&self.folder, e))?;
                Arc::new(SpoolFile { file, folder: self.folder.clone(), end: AtomicU64::new(0) })
            }
        };
        Ok(self.file.insert(file))
    }
}

fn nameless(folder: &Path) -> io::Result<File> {
    let path = folder.join(format!("waiting-{}", random_id()));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

fn wrong(folder: &Path, source: io::Error) -> CheckpointError {
    CheckpointError::Scratch { folder: folder.display().to_string(), source }
}

impl SpoolFile {
    pub(super) fn wrong(&self, source: io::Error) -> CheckpointError {
        wrong(&self.folder, source)
    }
}

/// Writes a run, piece by piece.
pub(super) struct RunWriter {
    run: SpooledRun,
    buffer: Vec<u8>,
}

impl RunWriter {
    /// Appends a piece. They come sorted by group.
    pub(super) fn piece(&mut self, group: u16, bytes: &[u8]) -> Result<()> {
        let len = u32::try_from(bytes.len()).expect("a piece is below PIECE_MAX, or joined from smaller ones");
        self.buffer.extend_from_slice(&group.to_le_bytes());
        self.buffer.extend_from_slice(&len.to_le_bytes());
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= WRITE { self.write() } else { Ok(()) }
    }

    /// The run, once all of it is written.
    pub(super) fn finish(mut self) -> Result<SpooledRun> {
        self.write()?;
        Ok(self.run)
    }

    fn write(&mut self) -> Result<()> {
        let file = &self.run.file;
        file.file.write_all_at(&self.buffer, self.run.end).map_err(|e| file.wrong(e))?;
        self.run.end += self.buffer.len() as u64;
        self.run.crc = crc32c::crc32c_append(self.run.crc, &self.buffer);
        self.buffer.clear();
        Ok(())
    }
}

impl SpooledRun {
    pub(super) fn len(&self) -> u64 {
        self.end - self.start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces() -> [(u16, &'static [u8]); 3] {
        [(0, b"first"), (7, b""), (4095, b"last")]
    }

    fn write(spool: &mut Spool) -> SpooledRun {
        let mut run = spool.begin(100).unwrap();
        pieces().into_iter().for_each(|(group, bytes)| run.piece(group, bytes).unwrap());
        run.finish().unwrap()
    }

    fn read(run: &SpooledRun) -> Result<Vec<(u16, Vec<u8>)>> {
        let (mut reader, mut found) = (run.read(8)?, Vec::new());
        while let Some(group) = reader.group() {
            let mut piece = Vec::new();
            reader.take(&mut piece)?;
            found.push((group, piece));
        }
        Ok(found)
    }

    #[test]
    fn runs_come_back_and_leave_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(folder.path(), 10);
        let runs = [write(&mut spool), write(&mut spool.clone()), write(&mut spool)];
        for run in &runs {
            assert_eq!(read(run).unwrap(), pieces().map(|(group, bytes)| (group, bytes.to_vec())));
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_flipped_bit_anywhere_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let run = write(&mut Spool::new(folder.path(), 10));
        for at in run.start..run.end {
            let mut byte = [0];
            run.file.file.read_exact_at(&mut byte, at).unwrap();
            run.file.file.write_all_at(&[byte[0] ^ 4], at).unwrap();
            assert!(read(&run).unwrap_err().stops_the_attempt(), "byte {at}");
            run.file.file.write_all_at(&byte, at).unwrap();
        }
        run.file.file.set_len(run.end - 1).unwrap();
        assert!(read(&run).is_err(), "cut");
    }
}
