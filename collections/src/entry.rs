//! From streams to collections.
use crate::collection::{Changes, Collection, Place};
use crate::edge::{RESTORED, Update};
use crate::{Change, Row};
use millstream_operators::Stream;
use millstream_operators::contents::Feed;
use millstream_runtime::batch::Batch;
use millstream_runtime::data::{Data, Key};
use millstream_runtime::graph::Rule;
use millstream_runtime::native::{Edge, Epoch, Faults, NativeInit};
use millstream_runtime::parcel::Parcel;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

/// Streams whose records make up a collection.
pub trait ToCollection<D> {
    /// Every record so far, each as often as it has come. `uid` names its contents in checkpoints.
    ///
    /// The contents are state like any other: each checkpoint has what has changed in them. What is computed from them is
    /// in no checkpoint; a restart computes it again. Both are in memory.
    ///
    /// ```
    /// use millstream_collections::{Change, ToCollection};
    /// use millstream_operators::Stream;
    ///
    /// /// For each customer, how many orders there are: an old count goes when a new one comes.
    /// fn orders_of(orders: Stream<(u64, String)>) -> Stream<Change<(u64, i64)>> {
    ///     orders.to_collection("orders").map(|(customer, _)| customer).count().changes()
    /// }
    /// ```
    #[track_caller]
    fn to_collection(self, uid: &str) -> Collection<D>;
}

/// Changelogs as the collections that they are of.
pub trait ChangesToCollection<D> {
    /// What the changes come to: each record as often as its weights say. `uid` names its contents in checkpoints.
    ///
    /// ```
    /// use millstream_collections::{Change, ChangesToCollection};
    /// use millstream_operators::Stream;
    ///
    /// /// Who is online, from log-ins (+1) and log-outs (-1), in as many places as may be.
    /// fn online(sessions: Stream<Change<String>>) -> Stream<Change<String>> {
    ///     sessions.changes_to_collection("sessions").distinct().changes()
    /// }
    /// ```
    #[track_caller]
    fn changes_to_collection(self, uid: &str) -> Collection<D>;
}

impl<D: Key + Row> ToCollection<D> for Stream<D> {
    #[track_caller]
    fn to_collection(self, uid: &str) -> Collection<D> {
        begin(self.contents(uid, |record| (record, 1)))
    }
}

impl<D: Key + Row> ChangesToCollection<D> for Stream<Change<D>> {
    #[track_caller]
    fn changes_to_collection(self, uid: &str) -> Collection<D> {
        begin(self.contents(uid, |change: Change<D>| (change.value, change.weight)))
    }
}

#[track_caller]
fn begin<D: Key + Row>(feed: Stream<Feed<D>>) -> Collection<D> {
    let at = feed.at().native(&[], "collection", Rule::Mixes, Box::new(entry::<D>));
    Collection::at(Place::Job(feed.moved::<Changes>(at)))
}

/// Gives each change its time. What was restored comes before all epochs: the operator holds that time until the worker's
/// share has been told, so nothing behind it takes an epoch for complete before.
fn entry<'s, D: Row>(init: NativeInit<'s>) -> Edge<'s> {
    let NativeInit { scope, inputs, faults } = init;
    let mut builder = OperatorBuilder::new("collection".into(), scope);
    let mut input = builder.new_input(crate::verb::one(inputs), Pipeline);
    let (output, edge) = builder.new_output::<Vec<Parcel>>();
    let mut output = OutputBuilder::<Epoch, CapacityContainerBuilder<Vec<Parcel>>>::from(output);
    builder.build(move |mut initial| {
        let mut before = Before { cap: initial.pop() };
        move |frontiers| {
            let mut output = output.activate();
            input.for_each(|cap, parcels| {
                for feed in parcels.drain(..).flat_map(|parcel| open::<D>(parcel, &faults)) {
                    match feed {
                        Feed::Restored(records) => {
                            let Some(cap) = &before.cap else { continue };
                            output.session(cap).give(at(RESTORED, records));
                        }
                        Feed::Whole => before.cap = None,
                        Feed::Changed(records) => output.session(&cap).give(at(*cap.time(), records)),
                    }
                }
            });
            if frontiers.iter().all(|frontier| frontier.is_empty()) {
                before.cap = None; // the attempt ends before it has begun
            }
        }
    });
    edge
}

/// The right to change what was there before every epoch, until that is whole.
struct Before {
    cap: Option<Capability<Epoch>>,
}

fn open<D: Data>(parcel: Parcel, faults: &Faults) -> Vec<Feed<D>> {
    parcel.open::<Feed<D>>().map(|batch| batch.into_parts().records).unwrap_or_else(|e| {
        faults.fail(e);
        vec![]
    })
}

fn at<D: Row>(epoch: Epoch, records: Vec<(D, i64)>) -> Parcel {
    let updates: Vec<Update<D, Epoch>> = records.into_iter().map(|(record, by)| (record, epoch, by)).collect();
    Parcel::new(Batch::from(updates))
}
