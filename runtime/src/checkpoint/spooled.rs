//! Reads a run of a [`Spool`](super::spool::Spool) back.

use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;

use super::error::Result;
use super::section::KEY_GROUPS;
use super::spool::{HEADER_LEN, SpooledRun};

impl SpooledRun {
    /// Reads it through a buffer of this size.
    pub(super) fn read(&self, buffer: usize) -> Result<RunReader> {
        let extent = Extent { run: self.clone(), at: self.start, crc: 0 };
        let mut reader = RunReader { bytes: BufReader::with_capacity(buffer, extent), next: None };
        reader.advance().map_err(|e| self.file.wrong(e))?;
        Ok(reader)
    }
}

/// Goes through the pieces of a run. At its end the checksum is compared: until then nothing is proved.
pub(super) struct RunReader {
    bytes: BufReader<Extent>,
    /// Group and length of the next piece.
    next: Option<(u16, usize)>,
}

impl RunReader {
    /// The group of the next piece.
    pub(super) fn group(&self) -> Option<u16> {
        self.next.map(|(group, _)| group)
    }

    /// Appends the next piece to `out`.
    pub(super) fn take(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let taken = self.append_to(out);
        taken.map_err(|e| self.bytes.get_ref().run.file.wrong(e))
    }

    fn append_to(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let Some((_, len)) = self.next else { return Ok(()) };
        let at = out.len();
        out.resize(at + len, 0);
        self.bytes.read_exact(&mut out[at..])?;
        self.advance()
    }

    fn advance(&mut self) -> io::Result<()> {
        let last = self.next.take().map_or(0, |(group, _)| group);
        if self.bytes.fill_buf()?.is_empty() {
            return self.bytes.get_ref().check();
        }
        let mut header = [0; HEADER_LEN];
        self.bytes.read_exact(&mut header)?;
        let [g0, g1, len @ ..] = header;
        let (group, len) = (u16::from_le_bytes([g0, g1]), u32::from_le_bytes(len) as usize);
        let extent = self.bytes.get_ref();
        let left = extent.left() + self.bytes.buffer().len() as u64;
        if group < last || group >= KEY_GROUPS || len as u64 > left {
            return Err(damaged());
        }
        self.next = Some((group, len));
        Ok(())
    }
}

/// The bytes of a run.
struct Extent {
    run: SpooledRun,
    at: u64,
    crc: u32,
}

impl Extent {
    fn left(&self) -> u64 {
        self.run.end - self.at
    }

    fn check(&self) -> io::Result<()> {
        if self.crc == self.run.crc { Ok(()) } else { Err(damaged()) }
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "what was written has come back as other bytes")
}

impl Read for Extent {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left()).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.run.file.file.read_at(&mut buffer[..most], self.at)?;
        if read == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += read as u64;
        self.crc = crc32c::crc32c_append(self.crc, &buffer[..read]);
        Ok(read)
    }
}
