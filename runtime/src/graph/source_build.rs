//! Sources before they run: what is asked of them, and who asks.
use super::node::{Build, Graph};
use crate::checkpoint::OperatorInfo;
use crate::data::State;
use crate::engine::discovery::{Discovered, FoundSplit};
use crate::engine::front::OwnFront;
use crate::engine::readers::{Readers, StoredSplit};
use crate::engine::source::Splits as Running;
use crate::engine::stage::Assigner;
use crate::source::{Found, OffsetOf, Source, Splits};
use crate::{Result, codec};
use std::collections::BTreeSet;
use std::rc::Rc;

/// A source, before it is known what for.
pub(crate) trait SourceBuild {
    /// What a checkpoint tells of it.
    fn info(&self, uid: &str) -> OperatorInfo;
    /// Says which splits the checkpoint knows, encoded; before the first [`SourceBuild::discover`].
    fn restored(&mut self, splits: Vec<Vec<u8>>);
    /// Asks for the splits, encoded. May block.
    ///
    /// # Errors
    /// As the source's.
    fn discover(&mut self) -> Result<(Vec<FoundSplit>, bool)>;
    /// Makes the readers of one worker.
    ///
    /// # Errors
    /// Where a split or offset of the checkpoint cannot be read.
    fn run(
        self: Box<Self>,
        uid: &str,
        assigners: Vec<Rc<Assigner>>,
        front: Option<OwnFront>,
        own: Vec<StoredSplit>,
    ) -> Result<Box<dyn Running>>;
}

/// One of a known type.
pub(super) struct SourceOf<S> {
    source: S,
    /// The splits that have been found, or are in the checkpoint.
    known: BTreeSet<Vec<u8>>,
}

impl<S: Source> SourceOf<S> {
    pub fn new(source: S) -> Self {
        Self { source, known: BTreeSet::new() }
    }

    /// A split that was found; where it begins is asked once.
    fn found(&mut self, found: Found<S::Split>, first: bool) -> Result<FoundSplit> {
        let after = found.after.iter().map(codec::encode).collect::<Result<_, String>>()?;
        let split = codec::encode(&found.split)?;
        let start = match self.known.contains(&split) {
            true => None,
            false => self.source.start(&found.split, first)?,
        };
        let start = start.map(|start| codec::encode(&start)).transpose()?;
        self.known.insert(split.clone());
        Ok(FoundSplit { split, after, start })
    }
}

impl<S: Source> SourceBuild for SourceOf<S> {
    fn info(&self, uid: &str) -> OperatorInfo {
        let splits = Some([S::Split::SCHEMA.stored(), OffsetOf::<S>::SCHEMA.stored()]);
        OperatorInfo { splits, ..OperatorInfo::new(uid, "source") }
    }

    fn restored(&mut self, splits: Vec<Vec<u8>>) {
        self.known.extend(splits);
    }

    fn discover(&mut self) -> Result<(Vec<FoundSplit>, bool)> {
        let (found, growing) = match self.source.splits()? {
            Splits::Fixed(found) => (found, false),
            Splits::Growing(found) => (found, true),
        };
        let first = self.known.is_empty();
        let found = found.into_iter().map(|found| self.found(found, first));
        Ok((found.collect::<Result<_>>()?, growing))
    }

    fn run(
        self: Box<Self>,
        uid: &str,
        assigners: Vec<Rc<Assigner>>,
        front: Option<OwnFront>,
        own: Vec<StoredSplit>,
    ) -> Result<Box<dyn Running>> {
        Ok(Box::new(Readers::new(uid, self.source, assigners, front, own)?))
    }
}

/// Asks every source of the graph for its splits, in the order of the sources.
pub(crate) struct Enumerator {
    sources: Vec<(String, Box<dyn SourceBuild>)>,
}

impl Enumerator {
    /// Takes the sources out of a graph that nothing else is made of; `restored` gives the splits of the checkpoint.
    pub fn of(graph: &Graph, restored: &dyn Fn(&str) -> Result<Vec<StoredSplit>>) -> Result<Self> {
        let mut sources = vec![];
        for node in graph.nodes.borrow_mut().iter_mut() {
            let Some(Build::Source(mut build)) = node.build.take() else { continue };
            let uid = node.uid.clone().unwrap_or_default();
            build.restored(restored(&uid)?.into_iter().map(|s| s.split).collect());
            sources.push((uid, build));
        }
        Ok(Self { sources })
    }

    /// Asks those that `ask` names.
    pub fn discover(&mut self, ask: &dyn Fn(usize) -> bool) -> Result<Vec<Discovered>> {
        let mut all = vec![];
        for (source, (uid, build)) in self.sources.iter_mut().enumerate().filter(|(i, _)| ask(*i)) {
            let (splits, growing) = build.discover().map_err(|e| format!("source {uid:?}: {e}"))?;
            all.push(Discovered { source, splits, growing });
        }
        Ok(all)
    }
}
