//! From collections back to streams.
use crate::collection::Place;
use crate::edge::{RESTORED, Update, unpack};
use crate::{Change, Collection, Row};
use differential_dataflow::Hashable;
use differential_dataflow::consolidation::consolidate;
use millstream_operators::Stream;
use millstream_runtime::batch::{Batch, FULL_RECORDS};
use millstream_runtime::graph::Rule;
use millstream_runtime::native::{Edge, Epoch, NativeInit};
use millstream_runtime::parcel::Parcel;
use std::collections::BTreeMap;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

impl<D: Row> Collection<D> {
    /// What changes, at the end of each epoch: for each record that is there more or less often than before one
    /// [`Change`]. After a restart only what is new: the collection goes on from what was emitted before.
    ///
    /// Each worker emits those that take away first; between workers there is no order. How changes are spread over
    /// epochs depends on the pace of the job; what they add up to does not. There is no event time behind it.
    ///
    /// # Panics
    /// Inside a loop.
    #[track_caller]
    pub fn changes(self) -> Stream<Change<D>> {
        let Place::Job(stream) = self.place else { panic!("changes inside iterate: only the loop's result comes out") };
        stream.moved(stream.at().native(&[], "changes", Rule::LosesTime, Box::new(exit::<D>)))
    }
}

/// Gathers the changes of each epoch where their records belong, and hands them on when it is over.
fn exit<'s, D: Row>(init: NativeInit<'s>) -> Edge<'s> {
    let NativeInit { scope, inputs, faults } = init;
    let changing = unpack::<Epoch, D>(crate::verb::one(inputs), &faults);
    let mut builder = OperatorBuilder::new("changes".into(), scope);
    let by_record = Exchange::new(|(record, _, _): &Update<D, Epoch>| record.hashed());
    let mut input = builder.new_input(changing.inner, by_record);
    let (output, edge) = builder.new_output::<Vec<Parcel>>();
    let mut output = OutputBuilder::<Epoch, CapacityContainerBuilder<Vec<Parcel>>>::from(output);
    builder.build(move |_initial| {
        let mut open = Open::<D>(BTreeMap::new());
        move |frontiers| {
            input.for_each(|cap, updates| open.take_in(updates, |at| cap.delayed(&at, 0)));
            let mut output = output.activate();
            while let Some((cap, changes)) = open.next(|epoch| frontiers.iter().any(|f| f.less_equal(epoch))) {
                let mut session = output.session(&cap);
                batches(changes).for_each(|batch| session.give(Parcel::new(batch)));
            }
        }
    });
    edge
}

/// The epochs that are not over.
struct Open<D>(BTreeMap<Epoch, Slice<D>>);

/// The changes of one epoch, and the right to emit them.
type Slice<D> = (Capability<Epoch>, Vec<(D, i64)>);

impl<D: Row> Open<D> {
    /// What was restored is no news: an earlier attempt has emitted it.
    fn take_in(&mut self, updates: &mut Vec<Update<D, Epoch>>, cap: impl Fn(Epoch) -> Capability<Epoch>) {
        for (record, at, by) in updates.drain(..).filter(|(_, at, _)| *at != RESTORED) {
            self.0.entry(at).or_insert_with(|| (cap(at), vec![])).1.push((record, by));
        }
    }

    /// The oldest epoch, if it is over: what it changed, one change for each record.
    fn next(&mut self, is_open: impl Fn(&Epoch) -> bool) -> Option<Slice<D>> {
        let first = self.0.first_entry().filter(|first| !is_open(first.key()))?;
        let (cap, mut changes) = first.remove();
        consolidate(&mut changes);
        Some((cap, changes))
    }
}

/// Those that take away first.
fn batches<D: Row>(changes: Vec<(D, i64)>) -> impl Iterator<Item = Batch<Change<D>>> {
    let (gone, new): (Vec<_>, Vec<_>) = changes.into_iter().partition(|(_, by)| *by < 0);
    let mut all = gone.into_iter().chain(new).map(|(value, weight)| Change { value, weight }).peekable();
    std::iter::from_fn(move || {
        all.peek()?;
        Some(Batch::from(all.by_ref().take(FULL_RECORDS).collect::<Vec<_>>()))
    })
}
