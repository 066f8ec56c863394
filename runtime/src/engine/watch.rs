//! The end of the graph: behind every sink, worker 0 sees which epochs are over and wakes the ticker.
//!
//! Not a probe: its handle moves after the operators of the same step have run, so a ticker that a sink woke could look
//! too early and sleep for ever.
use super::epoch::{Epoch, low};
use super::ports::ParcelStream;
use super::worker::WorkerCx;
use timely::dataflow::Scope;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

/// Adds it.
pub(crate) fn watch<'s>(cx: &WorkerCx, scope: Scope<'s, Epoch>, ends: Vec<ParcelStream<'s>>) {
    let cx = cx.clone();
    let mut builder = OperatorBuilder::new("watch".into(), scope);
    let mut inputs: Vec<_> = ends.into_iter().map(|end| builder.new_input(end, Pipeline)).collect();
    builder.build(move |_initial| {
        move |frontiers| {
            inputs.iter_mut().for_each(|input| input.for_each(|_cap, batches| batches.clear()));
            let seen = low(frontiers);
            if cx.seen.replace(seen) != seen {
                cx.wake_ticker();
            }
        }
    });
}
