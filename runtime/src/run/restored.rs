//! The checkpoint that an attempt goes on from, as workers ask for it while they are built.
use crate::Result;
use crate::checkpoint::{CheckpointError, Entry, Manifest, OperatorInfo, SectionKind, Snapshot};
use crate::codec;
use crate::engine::readers::StoredSplit;
use crate::run::control::Fatal;
use crate::sink::Chunk;
use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;
use tokio::runtime::Handle;

/// See the module. Its methods block: no record flows yet.
pub(crate) struct Restored {
    snapshot: Arc<Snapshot>,
    handle: Handle,
    /// Whether the store did not answer: another attempt may get what this one did not.
    unreachable: Cell<bool>,
}

impl Restored {
    pub fn new(snapshot: Arc<Snapshot>, handle: Handle) -> Self {
        Self { snapshot, handle, unreachable: Cell::new(false) }
    }

    /// See the field.
    pub fn is_unreachable(&self) -> bool {
        self.unreachable.get()
    }

    pub fn manifest(&self) -> &Manifest {
        self.snapshot.manifest()
    }

    /// What the checkpoint tells of an operator.
    pub fn operator(&self, uid: &str) -> Option<&OperatorInfo> {
        self.manifest().operators.iter().find(|o| o.uid == uid)
    }

    /// The watermark of an origin, or the start of time.
    pub fn mark(&self, origin: &str) -> i64 {
        self.manifest().origins.iter().find(|(name, _)| name == origin).map_or(i64::MIN, |(_, mark)| *mark)
    }

    /// The splits of a source, in one order for all workers.
    pub fn splits(&self, uid: &str) -> Result<Vec<StoredSplit>> {
        let mut all: Vec<StoredSplit> = vec![];
        for section in self.whole(uid, SectionKind::Splits)? {
            let part: Vec<StoredSplit> = codec::decode(&section)
                .map_err(|e| fatal(format!("source {uid:?}: the checkpoint's splits cannot be read: {e}")))?;
            all.extend(part);
        }
        all.sort();
        Ok(all)
    }

    /// What the sink's workers had staged.
    pub fn staged(&self, uid: &str) -> Result<Vec<Vec<u8>>> {
        self.whole(uid, SectionKind::Staged)
    }

    /// How many committables of the sink have written ahead.
    pub fn bulks(&self, uid: &str) -> usize {
        self.snapshot.count_whole(uid, SectionKind::Bulk)
    }

    /// What one committable of the sink has written ahead.
    pub fn bulk(&self, uid: &str, which: usize) -> Result<Vec<Chunk>> {
        self.handle.block_on(self.snapshot.chunks(uid, SectionKind::Bulk, which)).map_err(|e| self.unreadable(e))
    }

    fn whole(&self, uid: &str, kind: SectionKind) -> Result<Vec<Vec<u8>>> {
        self.handle.block_on(self.snapshot.whole(uid, kind)).map_err(|e| self.unreadable(e))
    }

    /// See [`crate::graph::OperatorInit::entries`].
    pub fn keyed(
        &self,
        uid: &str,
        groups: Range<u16>,
        apply: &mut dyn FnMut(u16, Entry<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut apply = |group: u16, entry: Entry<'_>| {
            apply(group, entry).map_err(|e| CheckpointError::State { uid: uid.into(), what: e.to_string() })
        };
        self.handle.block_on(self.snapshot.keyed(uid, groups, &mut apply)).map_err(|e| self.unreadable(e))
    }

    /// Another attempt may find a store that answers again, but never another checkpoint.
    fn unreadable(&self, e: CheckpointError) -> crate::BoxError {
        self.unreachable.set(matches!(e, CheckpointError::Store { .. }));
        fatal(e.with_cure())
    }
}

fn fatal(e: impl Into<crate::BoxError>) -> crate::BoxError {
    Box::new(Fatal(e.into()))
}
