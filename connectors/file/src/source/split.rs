//! What a file is known by, whatever its name.
use millstream_runtime::codec::hash_bytes;
use millstream_runtime::data::{Schema, State};
use serde::{Deserialize, Serialize};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

/// A head is at most this long.
pub(super) const HEAD: usize = 1024;

/// A file: device, inode, time of birth, and a hash of its head, which is its first line, at most 1 KiB of it. The head
/// of a file that only grows never changes, so the same file is the same split in every listing, also after a restart.
///
/// Its name is no part of it, not even of the encoding: a renamed file stays the same split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileSplit {
    device: u64,
    inode: u64,
    /// Nanoseconds since 1970; 0 where the file system does not say. Tells a file from an older one whose inode it got.
    born: u64,
    head_len: u32,
    head_hash: u64,
}

impl State for FileSplit {
    const SCHEMA: Schema = Schema::new("FileSplit", 1, "{device:u64,inode:u64,born:u64,head_len:u32,head_hash:u64}");
}

/// Where to go on in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOffset {
    /// The byte where the next line starts.
    pub at: u64,
    /// The name under which the file was read, for messages.
    pub path: Arc<str>,
}

impl State for FileOffset {
    const SCHEMA: Schema = Schema::new("FileOffset", 1, "{at:u64,path:String}");
}

impl FileSplit {
    /// Standard input: no file has the inode 0.
    pub(super) const STDIN: Self = Self { device: 0, inode: 0, born: 0, head_len: 0, head_hash: 0 };

    /// An open file, by the first bytes of it.
    pub(super) fn of(inode: Inode, head: &Head) -> Self {
        Self {
            device: inode.device,
            inode: inode.number,
            born: inode.born,
            head_len: head.bytes.len() as u32,
            head_hash: hash_bytes(&head.bytes),
        }
    }

    pub(super) fn inode(&self) -> Inode {
        Inode { device: self.device, number: self.inode, born: self.born }
    }

    /// Whether a file with this inode has the head, too.
    pub(super) fn check_head(&self, file: &File) -> io::Result<HeadCheck> {
        let len = (self.head_len as usize).min(HEAD);
        let bytes = read_head(file)?;
        if bytes.len() < len || hash_bytes(&bytes[..len]) != self.head_hash {
            return Ok(HeadCheck::Other);
        }
        let whole = len == HEAD || bytes[..len].ends_with(b"\n");
        Ok(if whole || bytes.len() == len { HeadCheck::Same } else { HeadCheck::Grown })
    }
}

/// What a file's head says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadCheck {
    /// It is the file.
    Same,
    /// It is the file, but when it was listed its only line had no end, and now it is longer: it is another split.
    Grown,
    /// It is another file, or it was overwritten.
    Other,
}

/// A file of a file system, while it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Inode {
    device: u64,
    number: u64,
    born: u64,
}

impl Inode {
    pub(super) fn of(meta: &Metadata) -> Self {
        let born = meta.created().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
        let born = born.and_then(|d| u64::try_from(d.as_nanos()).ok()).unwrap_or(0);
        Self { device: meta.dev(), number: meta.ino(), born }
    }

    /// Whether no other file ever has the same: else the head must be read to know.
    pub(super) fn is_unique(&self) -> bool {
        self.born != 0
    }
}

/// The first line of a file with its end, or as much of it as a head may have.
pub(super) struct Head {
    bytes: Vec<u8>,
}

impl Head {
    /// Reads it; the file's position stays.
    pub(super) fn read(file: &File) -> io::Result<Self> {
        let mut bytes = read_head(file)?;
        if let Some(end) = memchr::memchr(b'\n', &bytes) {
            bytes.truncate(end + 1);
        }
        Ok(Self { bytes })
    }

    /// Whether it stays as it is when the file grows.
    pub(super) fn is_final(&self) -> bool {
        self.bytes.len() == HEAD || self.bytes.ends_with(b"\n")
    }
}

fn read_head(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; HEAD];
    let mut filled = 0;
    while filled < HEAD {
        match file.read_at(&mut bytes[filled..], filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
