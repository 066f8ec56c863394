//! Several edges as one, into stateless operators.
use super::ports::{ParcelStream, Ports, retain_all};
use super::stage::Next;
use super::worker::WorkerCx;
use timely::dataflow::Scope;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::progress::Timestamp;

/// Adds an operator that pushes what arrives down its stages, in the order of its arrival.
pub(crate) fn relay<'s, T: Timestamp>(
    cx: &WorkerCx,
    scope: Scope<'s, T>,
    inputs: Vec<ParcelStream<'s, T>>,
    outputs: usize,
    mut next: Next,
) -> Vec<ParcelStream<'s, T>> {
    let cx = cx.clone();
    let mut builder = OperatorBuilder::new("union".into(), scope);
    let mut inputs: Vec<_> = inputs.into_iter().map(|stream| builder.new_input(stream, Pipeline)).collect();
    let (mut ports, streams) = Ports::add(&mut builder, outputs);
    builder.build(move |_initial| {
        move |_frontiers| {
            for input in &mut inputs {
                input.for_each(|cap, batches| {
                    let mut pushed = batches.drain(..).try_for_each(|batch| next.push(batch, &mut ports.out));
                    pushed = pushed.and_then(|()| next.flush(&mut ports.out));
                    match pushed {
                        Ok(()) => ports.send(&retain_all(&cap, outputs)),
                        Err(e) => cx.control.fail("union", e),
                    }
                });
            }
        }
    });
    streams
}
