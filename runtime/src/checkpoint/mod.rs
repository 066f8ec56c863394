//! The durable side of checkpoints: what stands in the state folder, and who may write it.
//!
//! A checkpoint is a manifest that names data files. A process writes its [`Section`]s with [`write_file`]; when all
//! parts are there, the attempt that holds the [`Claim`] commits a [`Manifest`]. A [`Snapshot`] reads it back.
//! The bytes are drawn in docs/checkpoint-format.md.

mod chance;
mod claim;
mod commit;
mod entry;
mod envelope;
mod error;
mod export;
mod file;
mod garbage;
mod gc;
mod grouped;
mod identity;
mod index;
mod location;
mod manifest;
mod merge;
mod merged;
mod reader;
mod requests;
mod restore;
mod section;
mod spool;
mod spooled;
mod store;
mod trailer;
mod upload;
mod writer;

pub use crate::data::StoredSchema;
pub use chance::{now_ms, random_id};
pub use claim::{ABANDONED_MAX, Claim};
pub use commit::Outcome;
pub use entry::{Entries, Entry, EntryWriter};
pub use error::{CheckpointError, Result};
pub use file::{DataName, FileRef};
pub use gc::Collected;
pub use grouped::{Grouped, PIECE_MAX};
pub use identity::Identity;
pub use manifest::{Manifest, OperatorInfo};
pub use merge::{FILES_MAX, merge, plan};
pub use reader::{Cursor, DataFile, Run};
pub use requests::{Kept, Request};
pub use restore::Snapshot;
pub use section::{Body, KEY_GROUPS, Section, SectionKind};
pub use spool::Spool;
pub use store::StateStore;
pub use writer::write_file;
