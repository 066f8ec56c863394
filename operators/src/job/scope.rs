//! The graph under construction, as a build function sees it.
use super::shared::{Shared, Sharing, Values};
use crate::stream::Stream;
use crate::substitute::{Collected, Substitutes};
use millstream_runtime::BoxError;
use millstream_runtime::data::Data;
use millstream_runtime::graph::Graph;
use millstream_runtime::source::{ItemOf, Source};

use std::sync::Arc;

/// The graph under construction. `build` runs once on each worker: closures need `'static`, never `Send`.
#[derive(Default)]
pub struct Job {
    pub(crate) scope: Scope,
    sharing: Sharing,
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
        Self::drawn(Some(substitutes), None)
    }

    /// A job of a run that has shared values, or of one that is only looked at.
    pub(crate) fn drawn(substitutes: Option<Arc<Substitutes>>, values: Option<Values>) -> Self {
        let scope = Scope { substitutes, ..Scope::default() };
        Self { scope, sharing: values.map(Sharing::of).unwrap_or_default() }
    }

    /// The graph as drawn so far.
    pub fn graph(&self) -> &Graph {
        &self.scope.graph
    }

    /// Every mistake in the graph and in what it shares: one sentence, a place, what to do.
    pub fn mistakes(&self) -> Vec<String> {
        let mut all = self.graph().mistakes();
        all.extend(self.shared_mistakes());
        all
    }

    pub(crate) fn shared_mistakes(&self) -> Vec<String> {
        self.sharing.mistakes()
    }

    pub(crate) fn into_sharing(self) -> Sharing {
        self.sharing
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

    /// One value for each process, cloned to its workers: a database pool, an HTTP client. Made before the first record
    /// of a run, never by `plan` or `check`; if it cannot be made, the job stops and says so. Two calls with one name
    /// share one value, which the first call makes.
    #[track_caller]
    pub fn shared<T: Clone + Send + Sync + 'static, E: Into<BoxError>>(
        &self,
        name: &str,
        make: impl AsyncFnOnce() -> Result<T, E> + Send + 'static,
    ) -> Shared<T> {
        self.sharing.get(name, make)
    }
}
