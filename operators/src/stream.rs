//! Streams: one type parameter, so helper functions and struct fields are plain: `fn clean(s: Stream<Click>) -> Stream<Click>`.
use crate::job::Scope;
use millstream_runtime::graph::At;
use std::marker::PhantomData;

/// Records on their way. Clone it to fork.
#[must_use = "a stream that no sink ends does nothing"]
pub struct Stream<T> {
    pub(crate) at: At,
    pub(crate) scope: Scope,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Stream<T> {
    fn clone(&self) -> Self {
        self.behind(self.at.clone())
    }
}

impl<T> Stream<T> {
    pub(crate) fn new(at: At, scope: Scope) -> Self {
        Self { at, scope, of: PhantomData }
    }

    /// The stream behind a node of the same job.
    pub(crate) fn behind<U>(&self, at: At) -> Stream<U> {
        Stream::new(at, self.scope.clone())
    }
}

/// One of two.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Either<A, B> {
    /// The one.
    Left(A),
    /// The other.
    Right(B),
}
