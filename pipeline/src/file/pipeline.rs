//! A pipeline as its file says it, read and not yet drawn.
use super::mistake::Place;
use crate::expression::Expression;
use crate::kind::{FormatKind, SinkKind, SourceKind, TransformKind};
use millstream_operators::job::Entry;
use millstream_runtime::sink::Delivery;
use millstream_runtime::time::Span;
use std::sync::Arc;

/// A pipeline: read from its file, and judged.
pub struct Pipeline {
    pub(crate) name: String,
    pub(crate) settings: Vec<Entry>,
    pub(crate) sources: Vec<Source>,
    /// Each behind those that it reads.
    pub(crate) transforms: Vec<Transform>,
    /// Each before those that take its dead letters.
    pub(crate) sinks: Vec<Sink>,
}

/// What every node has.
pub(crate) struct Common {
    pub uid: String,
    pub place: Place,
    pub on_error: OnError,
}

/// What happens to records that fail at a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OnError {
    Fail,
    Skip,
    /// The uid of a sink.
    DeadLetter(String),
}

pub(crate) struct Source {
    pub common: Common,
    pub kind: Box<dyn SourceKind>,
    pub format: Arc<dyn FormatKind>,
    pub event_time: Option<Expression>,
    pub lateness: Span,
    /// Whether something below works in event time.
    pub needs_time: bool,
}

pub(crate) struct Transform {
    pub common: Common,
    pub kind: Box<dyn TransformKind>,
    /// Uids, or `uid.name`.
    pub inputs: Vec<String>,
}

pub(crate) struct Sink {
    pub common: Common,
    pub kind: Box<dyn SinkKind>,
    pub inputs: Vec<String>,
    pub format: Arc<dyn FormatKind>,
    pub delivery: Delivery,
}

impl Pipeline {
    /// The job's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}
