//! A job that has finished is started again: the process may have died between the last manifest and its commits.
use super::restored::Restored;
use super::workers::Setup;
use crate::Result;
use crate::engine::sink::Opening;
use crate::graph::{Build, Graph};
use crate::sink::SinkName;
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
        if restored.staged(&uid)?.is_empty() {
            continue;
        }
        let (job, incarnation) = (setup.options.job.clone(), setup.incarnation.clone());
        let name = SinkName { job, incarnation, uid, workers: 1 };
        let (_, mut committer) = sink.open(Opening { name, worker: 0, restored: Some(&restored) })?;
        committer.commit(0);
        setup.handle.block_on(poll_fn(|task| match committer.poll(task) {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => Poll::Pending,
        }))?;
    }
    Ok(())
}
