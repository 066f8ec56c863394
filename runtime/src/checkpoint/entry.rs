//! The unit inside keyed sections: one change of one key's state. Drawn in docs/checkpoint-format.md.

use super::error::{CheckpointError, Result};

/// First byte of an entry. On disk: never renumber.
const PUT: u8 = 1;
const DELETE: u8 = 2;
const DELETE_ROW: u8 = 3;

/// One change of state. Later entries of a key win over earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry<'a> {
    /// The cell (column, key, sub) has this value.
    Put {
        /// Index of the operator's column.
        column: u16,
        /// The key's canonical encoding.
        key: &'a [u8],
        /// The sub-key inside the column; empty for single values.
        sub: &'a [u8],
        /// The encoded value.
        value: &'a [u8],
    },
    /// The cell (column, key, sub) is gone.
    Delete {
        /// Index of the operator's column.
        column: u16,
        /// The key's canonical encoding.
        key: &'a [u8],
        /// The sub-key inside the column.
        sub: &'a [u8],
    },
    /// Every cell of the key, in every column, is gone.
    DeleteRow {
        /// The key's canonical encoding.
        key: &'a [u8],
    },
}

impl<'a> Entry<'a> {
    /// The key that this entry changes.
    #[must_use]
    pub fn key(&self) -> &'a [u8] {
        match self {
            Self::Put { key, .. } | Self::Delete { key, .. } | Self::DeleteRow { key } => key,
        }
    }
}

/// Appends entries to a buffer.
#[derive(Debug)]
pub struct EntryWriter<'b> {
    out: &'b mut Vec<u8>,
}

impl<'b> EntryWriter<'b> {
    /// Appends behind what `out` already holds.
    pub fn new(out: &'b mut Vec<u8>) -> Self {
        Self { out }
    }

    /// Appends a `Put`.
    pub fn put(&mut self, column: u16, key: &[u8], sub: &[u8], value: &[u8]) {
        self.out.push(PUT);
        put_varint(self.out, u64::from(column));
        self.bytes(key);
        self.bytes(sub);
        self.bytes(value);
    }

    /// Appends a `Delete`.
    pub fn delete(&mut self, column: u16, key: &[u8], sub: &[u8]) {
        self.out.push(DELETE);
        put_varint(self.out, u64::from(column));
        self.bytes(key);
        self.bytes(sub);
    }

    /// Appends a `DeleteRow`.
    pub fn delete_row(&mut self, key: &[u8]) {
        self.out.push(DELETE_ROW);
        self.bytes(key);
    }

    /// Appends any entry.
    pub fn entry(&mut self, entry: Entry<'_>) {
        match entry {
            Entry::Put { column, key, sub, value } => self.put(column, key, sub, value),
            Entry::Delete { column, key, sub } => self.delete(column, key, sub),
            Entry::DeleteRow { key } => self.delete_row(key),
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        put_varint(self.out, bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }
}

/// Reads entries from bytes of unknown origin. Ends after the first error.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    rest: &'a [u8],
    name: &'a str,
    /// Where in the file the byte behind `rest` lies, so that errors can name a byte.
    end: u64,
}

impl<'a> Entries<'a> {
    /// Reads `bytes`, which lie at byte `at` of the file `name` (both only for error texts).
    #[must_use]
    pub fn new(bytes: &'a [u8], name: &'a str, at: u64) -> Self {
        Self { rest: bytes, name, end: at + bytes.len() as u64 }
    }

    fn read(&mut self) -> Option<Entry<'a>> {
        let (&tag, rest) = self.rest.split_first()?;
        self.rest = rest;
        match tag {
            PUT => Some(Entry::Put {
                column: self.column()?,
                key: self.bytes()?,
                sub: self.bytes()?,
                value: self.bytes()?,
            }),
            DELETE => Some(Entry::Delete { column: self.column()?, key: self.bytes()?, sub: self.bytes()? }),
            DELETE_ROW => Some(Entry::DeleteRow { key: self.bytes()? }),
            _ => None,
        }
    }

    fn column(&mut self) -> Option<u16> {
        u16::try_from(take_varint(&mut self.rest)?).ok()
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(take_varint(&mut self.rest)?).ok()?;
        let (bytes, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(bytes)
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let at = self.end - self.rest.len() as u64;
        let entry = self.read();
        if entry.is_none() {
            self.rest = &[];
        }
        Some(entry.ok_or_else(|| CheckpointError::corrupt(self.name, at, "this is not a state entry")))
    }
}

/// Seven bits a byte, lowest first; the high bit says that more follow.
fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let part = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit only.
        if shift == 63 && part > 1 {
            return None;
        }
        value |= part << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}
