//! The outputs of a timely operator that carry batches.
use super::epoch::Epoch;
use super::stage::Outputs;
use crate::parcel::Parcel;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::{Capability, InputCapability};
use timely::progress::Timestamp;

/// An edge of the running graph; inside a loop its times have rounds, too.
pub(crate) type ParcelStream<'s, T = Epoch> = StreamVec<'s, T, Parcel>;

type Builder<C, T> = OutputBuilder<T, CapacityContainerBuilder<Vec<C>>>;

/// An output of any message.
pub(crate) struct Port<C: Clone + 'static, T: Timestamp = Epoch>(Builder<C, T>);

impl<C: Clone + 'static, T: Timestamp> Port<C, T> {
    /// Adds it to an operator.
    pub fn add<'s>(builder: &mut OperatorBuilder<'s, T>) -> (Self, StreamVec<'s, T, C>) {
        let (output, stream) = builder.new_output::<Vec<C>>();
        (Self(OutputBuilder::from(output)), stream)
    }

    /// Sends what is in `messages`, and empties it: a serializing channel hands a container back full.
    pub fn send(&mut self, cap: &Capability<T>, messages: &mut Vec<C>) {
        if !messages.is_empty() {
            self.0.activate().session(cap).give_container(messages);
            messages.clear();
        }
    }
}

/// The outputs of batches, with the lists that the stages fill.
pub(crate) struct Ports<T: Timestamp = Epoch> {
    ports: Vec<Port<Parcel, T>>,
    /// What waits to be sent.
    pub out: Outputs,
}

impl<T: Timestamp> Ports<T> {
    /// Adds so many outputs to an operator.
    pub fn add<'s>(builder: &mut OperatorBuilder<'s, T>, count: usize) -> (Self, Vec<ParcelStream<'s, T>>) {
        let (ports, streams): (Vec<_>, Vec<_>) = (0..count).map(|_| Port::add(builder)).unzip();
        let out = Outputs { ports: ports.iter().map(|_| vec![]).collect() };
        (Self { ports, out }, streams)
    }

    /// Sends what waits, each list by the capability of its output.
    pub fn send(&mut self, caps: &[Capability<T>]) {
        for ((port, messages), cap) in self.ports.iter_mut().zip(&mut self.out.ports).zip(caps) {
            port.send(cap, messages);
        }
    }
}

/// The right to answer on each of the first `count` outputs.
pub(crate) fn retain_all<T: Timestamp>(cap: &InputCapability<T>, count: usize) -> Vec<Capability<T>> {
    (0..count).map(|port| cap.retain(port)).collect()
}
