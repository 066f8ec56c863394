//! A job that has finished is started again: the process may have died between the last manifest and its commits.
use super::restored::Restored;
use super::workers::Setup;
use crate::Result;
use crate::graph::{Build, Graph};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

/// Commits what the last checkpoint promised, and nothing else.
pub(crate) fn recommit(setup: &Setup, graph: &Graph) -> Result<()> {
    let Some(snapshot) = &setup.snapshot else { return Ok(()) };
    let restored = Restored::new(Arc::clone(snapshot), setup.handle.clone());
    let _tokio = setup.handle.enter();
    for node in graph.nodes.borrow_mut().iter_mut() {
        let Some(Build::Sink(sink)) = node.build.take() else { continue };
        let uid = node.uid.clone().unwrap_or_default();
        let staged = restored.staged(&uid)?;
        if staged.is_empty() {
            continue;
        }
        let (_, mut committer) = sink.open(&uid, 0, 1, &staged)?;
        committer.commit(0);
        setup.handle.block_on(poll_fn(|task| match committer.poll(task) {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => Poll::Pending,
        }))?;
    }
    Ok(())
}
