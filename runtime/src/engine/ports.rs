//! The outputs of a timely operator that carry batches.
use super::epoch::Epoch;
use super::stage::Outputs;
use crate::parcel::Parcel;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::{Capability, InputCapability};

/// An edge of the running graph.
pub(crate) type ParcelStream<'s> = StreamVec<'s, Epoch, Parcel>;

type Builder<C> = OutputBuilder<Epoch, CapacityContainerBuilder<Vec<C>>>;

/// An output of any message.
pub(crate) struct Port<C: Clone + 'static>(Builder<C>);

impl<C: Clone + 'static> Port<C> {
    /// Adds it to an operator.
    pub fn add<'s>(builder: &mut OperatorBuilder<'s, Epoch>) -> (Self, StreamVec<'s, Epoch, C>) {
        let (output, stream) = builder.new_output::<Vec<C>>();
        (Self(OutputBuilder::from(output)), stream)
    }

    /// Sends what is in `messages`, and empties it: a serializing channel hands a container back full.
    pub fn send(&mut self, cap: &Capability<Epoch>, messages: &mut Vec<C>) {
        if !messages.is_empty() {
            self.0.activate().session(cap).give_container(messages);
            messages.clear();
        }
    }
}

/// The outputs of batches, with the lists that the stages fill.
pub(crate) struct Ports {
    ports: Vec<Port<Parcel>>,
    /// What waits to be sent.
    pub out: Outputs,
}

impl Ports {
    /// Adds so many outputs to an operator.
    pub fn add<'s>(builder: &mut OperatorBuilder<'s, Epoch>, count: usize) -> (Self, Vec<ParcelStream<'s>>) {
        let (ports, streams): (Vec<_>, Vec<_>) = (0..count).map(|_| Port::add(builder)).unzip();
        let out = Outputs { ports: ports.iter().map(|_| vec![]).collect() };
        (Self { ports, out }, streams)
    }

    /// Sends what waits, each list by the capability of its output.
    pub fn send(&mut self, caps: &[Capability<Epoch>]) {
        for ((port, messages), cap) in self.ports.iter_mut().zip(&mut self.out.ports).zip(caps) {
            port.send(cap, messages);
        }
    }
}

/// The right to answer on each of the first `count` outputs.
pub(crate) fn retain_all(cap: &InputCapability<Epoch>, count: usize) -> Vec<Capability<Epoch>> {
    (0..count).map(|port| cap.retain(port)).collect()
}
