//! A data file: one per process and checkpoint, or one for several merged ones. Drawn in docs/checkpoint-format.md.

use serde::{Deserialize, Serialize};

use super::chance::random_id;
use super::store::folder;

/// The first bytes of a data file.
pub(super) const MAGIC: [u8; 8] = *b"MLSTdata";
/// The last bytes of a data file.
pub(super) const FOOTER_MAGIC: [u8; 8] = *b"atadTSLM";
/// The version of the format, behind the magic.
pub(super) const VERSION: u32 = 1;
/// Magic and version.
pub(super) const HEADER_LEN: u64 = 12;
/// Index offset (8), index length (4), index crc (4), magic (8).
pub(super) const FOOTER_LEN: u64 = 24;
/// Length and crc in front of each block.
pub(super) const BLOCK_HEADER_LEN: u64 = 8;
/// A block is closed when it has reached this size.
pub(super) const BLOCK_TARGET: usize = 256 << 10;
/// The largest payload of a block.
pub(super) const BLOCK_MAX: usize = 64 << 20;
/// The largest index.
pub(super) const INDEX_MAX: usize = 64 << 20;
/// Group and length in front of a group's entries inside a block.
pub(super) const RUN_HEADER_LEN: usize = 6;

/// A file that a manifest names. Its index is pinned by `crc`, and pins every block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRef {
    /// The name in the folder `data`.
    pub name: String,
    /// The length of the whole file, in bytes.
    pub len: u64,
    /// The crc32c of the file's index.
    pub crc: u32,
    /// The oldest checkpoint whose changes are inside.
    pub first: u64,
    /// The newest checkpoint whose changes are inside.
    pub last: u64,
}

impl FileRef {
    /// The object's name in the state folder.
    pub(super) fn object(&self) -> String {
        format!("{}/{}", folder::DATA, self.name)
    }
}

/// The name of a data file. Never reused: the nonce sees to that even after garbage collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataName {
    /// The checkpoint it is written for; for a merged file the next one when the merge began.
    pub number: u64,
    /// The attempt that writes it.
    pub generation: u64,
    /// The process that writes it.
    pub process: u32,
    nonce: String,
}

impl DataName {
    /// A name that was never used.
    #[must_use]
    pub fn new(number: u64, generation: u64, process: u32) -> Self {
        Self { number, generation, process, nonce: random_id() }
    }

    /// The same, but for another try.
    #[must_use]
    pub(super) fn again(&self) -> Self {
        Self::new(self.number, self.generation, self.process)
    }

    /// Reads a name, or `None` if it is no data file's.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_suffix(".data")?.split('-');
        let read = Self {
            number: parts.next()?.parse().ok()?,
            generation: parts.next()?.parse().ok()?,
            process: parts.next()?.parse().ok()?,
            nonce: parts.next()?.to_string(),
        };
        // Written again it must be the same: this also refuses signs, spaces, slashes and missing zeros.
        let hex = read.nonce.len() == 32 && read.nonce.bytes().all(|byte| byte.is_ascii_hexdigit());
        (hex && read.to_string() == name).then_some(read)
    }

    pub(super) fn object(&self) -> String {
        format!("{}/{self}", folder::DATA)
    }
}

impl std::fmt::Display for DataName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:020}-{:010}-{:05}-{}.data", self.number, self.generation, self.process, self.nonce)
    }
}
