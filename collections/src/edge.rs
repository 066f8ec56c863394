//! Between the job's edges, whose batches have no type, and differential's collections.
use crate::Row;
use differential_dataflow::lattice::Lattice;
use differential_dataflow::{AsCollection, VecCollection};
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::data::Data;
use millstream_runtime::native::{Edge, Epoch, Faults};
use millstream_runtime::parcel::Parcel;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::Operator;
use timely::order::Product;
use timely::progress::Timestamp;

/// What was there when the attempt began is changed at this time, before every epoch: its results were emitted by an
/// earlier attempt.
pub(crate) const RESTORED: Epoch = 0;

/// The rounds of a loop within each epoch.
pub(crate) type Round = Product<Epoch, u64>;

/// The job's time, or that of a loop.
pub(crate) trait Time: Timestamp + Lattice + Data {}
impl<T: Timestamp + Lattice + Data> Time for T {}

/// A change: the record, when, how many times more often it is there. What batches between two nodes consist of.
pub(crate) type Update<D, T> = (D, T, i64);

/// A collection, for as long as operators are made.
pub(crate) type Changing<'s, T, D> = VecCollection<'s, T, D, i64>;

/// Takes batches out of their parcels.
pub(crate) fn unpack<'s, T: Time, D: Row>(edge: Edge<'s, T>, faults: &Faults) -> Changing<'s, T, D> {
    let faults = faults.clone();
    let updates = edge.unary::<CapacityContainerBuilder<Vec<Update<D, T>>>, _, _, _>(Pipeline, "unpack", |_, _| {
        move |input, output| {
            input.for_each(|cap, parcels| {
                let mut session = output.session(&cap);
                for parcel in parcels.drain(..) {
                    match parcel.open::<Update<D, T>>() {
                        Ok(batch) => session.give_container(&mut batch.into_parts().records),
                        Err(e) => faults.fail(e),
                    }
                }
            });
        }
    });
    updates.as_collection()
}

/// Puts batches into parcels.
pub(crate) fn pack<'s, T: Time, D: Row>(changing: Changing<'s, T, D>) -> Edge<'s, T> {
    changing.inner.unary::<CapacityContainerBuilder<Vec<Parcel>>, _, _, _>(Pipeline, "pack", |_, _| {
        move |input, output| {
            input.for_each(|cap, updates| {
                output.session(&cap).give(Parcel::new(Batch::from(std::mem::take(updates))));
            });
        }
    })
}

/// Changes each batch by itself.
pub(crate) fn each<'s, T: Time>(
    edge: Edge<'s, T>,
    name: &str,
    faults: &Faults,
    mut change: impl FnMut(Parcel) -> Result<Parcel> + 'static,
) -> Edge<'s, T> {
    let faults = faults.clone();
    edge.unary::<CapacityContainerBuilder<Vec<Parcel>>, _, _, _>(Pipeline, name, |_, _| {
        move |input, output| {
            input.for_each(|cap, parcels| {
                let mut session = output.session(&cap);
                for parcel in parcels.drain(..) {
                    match change(parcel) {
                        Ok(changed) => session.give(changed),
                        Err(e) => faults.fail(e),
                    }
                }
            });
        }
    })
}
