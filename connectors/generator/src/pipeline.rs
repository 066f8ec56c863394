//! The type of source `generator`, in pipelines.
use crate::Traffic;
use millstream_pipeline::{Registry, Result, SourceKind, SourceNode, Stream, Wrong};
use millstream_runtime::data::Bytes;
use millstream_runtime::source::Received;
use serde::Deserialize;

/// Adds it.
pub fn register(registry: &mut Registry) {
    registry.source::<Generator>("generator");
}

/// Lines of a made-up web log: a function of the seed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Generator {
    records: u64,
    seed: u64,
    /// Records a second; without it as fast as possible.
    rate: Option<u64>,
}

impl Default for Generator {
    fn default() -> Self {
        let Traffic { records, seed, rate } = Traffic::default();
        Self { records, seed, rate }
    }
}

impl SourceKind for Generator {
    fn has_lines(&self) -> bool {
        true
    }

    fn check(&self) -> Vec<Wrong> {
        let none = self.rate == Some(0);
        if none { vec![Wrong::new("rate", "is 0: nothing would ever come")] } else { vec![] }
    }

    fn open(&self, node: &SourceNode<'_>) -> Result<Stream<Received<Bytes>>> {
        Ok(node.read(Traffic { records: self.records, seed: self.seed, rate: self.rate }))
    }
}
