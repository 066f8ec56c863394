//! What an operator hands over for a checkpoint, collected on the worker and put in order elsewhere.

use super::grouped::Grouped;
pub use crate::codec::KEY_GROUPS;
use bytes::Bytes;

/// What a section is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum SectionKind {
    /// Changes of keyed state. Ordinals are on disk: never renumber.
    Keyed = 1,
    /// Offsets of a source's splits.
    Splits = 2,
    /// What a sink has staged and must commit.
    Staged = 3,
    /// An operator's own marks: watermarks, calls in flight.
    Operator = 4,
    /// Output that a sink has written ahead: one section for each of its committables, in their order.
    Bulk = 5,
}

impl SectionKind {
    /// The kind with this ordinal.
    #[must_use]
    pub fn from_ordinal(ordinal: u8) -> Option<Self> {
        [Self::Keyed, Self::Splits, Self::Staged, Self::Operator, Self::Bulk]
            .into_iter()
            .find(|kind| *kind as u8 == ordinal)
    }
}

/// A part of a checkpoint. Several sections of one uid and kind may stand in one file; their order counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The operator.
    pub uid: String,
    /// What the section is for.
    pub kind: SectionKind,
    /// The bytes.
    pub body: Body,
}

impl Section {
    /// A section that is read back as one piece of bytes.
    #[must_use]
    pub fn whole(uid: impl Into<String>, kind: SectionKind, bytes: Vec<u8>) -> Self {
        Self { uid: uid.into(), kind, body: Body::Whole(bytes) }
    }

    /// A section of keyed state.
    #[must_use]
    pub fn keyed(uid: impl Into<String>, grouped: Grouped) -> Self {
        Self { uid: uid.into(), kind: SectionKind::Keyed, body: Body::ByGroup(grouped) }
    }
}

/// The bytes of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Opaque bytes, read back as they are.
    Whole(Vec<u8>),
    /// The same in chunks that somebody else holds, too.
    Chunks(Vec<Bytes>),
    /// Entries by key group.
    ByGroup(Grouped),
}
