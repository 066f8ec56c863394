//! The graph under construction, as a build function sees it.
use crate::stream::Stream;
use crate::substitute::{Collected, Substitutes};
use millstream_runtime::data::Data;
use millstream_runtime::graph::Graph;
use millstream_runtime::source::{ItemOf, Source};

use std::sync::Arc;

/// The graph under construction. `build` runs once on each worker: closures need `'static`, never `Send`.
#[derive(Default)]
pub struct Job {
    pub(crate) scope: Scope,
}

/// What every stream of a job holds on to.
#[derive(Clone, Default)]
pub(crate) struct Scope {
    pub(crate) graph: Graph,
    pub(crate) substitutes: Option<Arc<Substitutes>>,
}

impl Scope {
    pub(crate) fn substitute_sink<T: Data>(&self, uid: &str) -> Option<Collected<T>> {
        self.substitutes.as_ref().map(|s| s.sink(uid))
    }
}

impl Job {
    /// A job whose sources and sinks are replaced by those of a test.
    pub fn substituted(substitutes: Arc<Substitutes>) -> Self {
        Self { scope: Scope { substitutes: Some(substitutes), ..Scope::default() } }
    }

    /// The graph as drawn so far.
    pub fn graph(&self) -> &Graph {
        &self.scope.graph
    }

    /// Adds a source. `uid` names its offsets in checkpoints.
    #[track_caller]
    pub fn source<S: Source>(&self, uid: &str, source: S) -> Stream<ItemOf<S>> {
        let fed = self.scope.substitutes.as_ref().and_then(|s| s.source::<ItemOf<S>>(uid));
        let at = match fed {
            Some(fed) => self.scope.graph.source(uid, fed),
            None => self.scope.graph.source(uid, source),
        };
        Stream::new(at, self.scope.clone())
    }
}
