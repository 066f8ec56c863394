//! What a kind is given to draw its part of the job.
use super::super::event::Event;
use crate::file::{Common, OnError};
use crate::format::EventFormat;
use crate::kind::FormatKind;
use millstream_formats::{Ahead, LookAhead};
use millstream_operators::dead_letter::DeadLetter;
use millstream_operators::{Fallible, Job, Result, Stream};
use millstream_runtime::data::Bytes;
use millstream_runtime::sink::{Delivery, Lanes, Sink, SinkName, StagedBy, Staging};
use millstream_runtime::source::{Reader, Received, Source};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Dead letters on their way, by the uid of the sink that takes them.
#[derive(Default)]
pub(crate) struct Letters(RefCell<BTreeMap<String, Vec<Stream<DeadLetter>>>>);

impl Letters {
    fn add(&self, sink: &str, letters: Stream<DeadLetter>) {
        self.0.borrow_mut().entry(sink.into()).or_default().push(letters);
    }

    /// All for one sink.
    pub fn take(&self, sink: &str) -> Option<Stream<DeadLetter>> {
        self.0.borrow_mut().remove(sink)?.into_iter().reduce(Stream::union)
    }
}

/// A source while it is drawn.
pub struct SourceNode<'a> {
    job: &'a Job,
    uid: &'a str,
    look: Option<Arc<dyn LookAhead>>,
}

impl<'a> SourceNode<'a> {
    pub(crate) fn new(job: &'a Job, uid: &'a str, look: Option<Arc<dyn LookAhead>>) -> Self {
        Self { job, uid, look }
    }

    /// Its uid: the key of its table.
    pub fn uid(&self) -> &str {
        self.uid
    }

    /// Adds the source to the job, under the node's uid. Its records leave when its format can decode them.
    pub fn read<S: Source>(&self, source: S) -> Stream<Received<Bytes>>
    where
        S::Reader: Reader<Item = Received<Bytes>>,
    {
        self.job.source(self.uid, Ahead::new(source, self.look.clone()))
    }
}

/// A source or transform while it is drawn.
pub struct Node<'a> {
    common: &'a Common,
    letters: &'a Letters,
}

impl<'a> Node<'a> {
    pub(crate) fn new(common: &'a Common, letters: &'a Letters) -> Self {
        Self { common, letters }
    }

    /// Its uid: the key of its table.
    pub fn uid(&self) -> &str {
        &self.common.uid
    }

    /// Its name in messages: `transforms.slim`.
    pub fn name(&self) -> &str {
        &self.common.place.table
    }

    /// Sends what has failed where `on_error` says.
    pub fn settle<T: 'static>(&self, failing: Fallible<T>) -> Stream<T> {
        let failing = failing.named(self.name());
        match &self.common.on_error {
            OnError::Fail => failing.or_fail(),
            OnError::Skip => failing.or_skip(),
            OnError::DeadLetter(sink) => {
                let (ok, letters) = failing.apart();
                self.letters.add(sink, letters);
                ok
            }
        }
    }
}

/// A sink while it is drawn.
pub struct SinkNode<'a> {
    node: Node<'a>,
    format: EventFormat,
    delivery: Delivery,
}

impl<'a> SinkNode<'a> {
    pub(crate) fn new(node: Node<'a>, format: Arc<dyn FormatKind>, delivery: Delivery) -> Self {
        Self { node, format: EventFormat::new(format), delivery }
    }

    /// Its uid, name and `on_error`.
    pub fn node(&self) -> &Node<'a> {
        &self.node
    }

    /// Its format.
    pub fn format(&self) -> EventFormat {
        self.format.clone()
    }

    /// What `delivery` says.
    pub fn delivery(&self) -> Delivery {
        self.delivery
    }

    /// Ends the stream in a sink, under the node's uid and with its delivery.
    pub fn end<S: Sink<Event>>(&self, input: Stream<Event>, sink: S) {
        input.sink(self.node.uid(), Promised { sink, delivery: self.delivery });
    }
}

/// A sink with the delivery that the file asks for.
struct Promised<S> {
    sink: S,
    delivery: Delivery,
}

impl<S: Sink<Event>> Sink<Event> for Promised<S> {
    type Writer = S::Writer;

    fn named(&mut self, name: &SinkName) {
        self.sink.named(name);
    }

    fn open(&self, worker: usize, staged: &[StagedBy<Self, Event>]) -> Result<S::Writer> {
        self.sink.open(worker, staged)
    }

    fn commit(&self, staged: StagedBy<Self, Event>) -> Staging<()> {
        self.sink.commit(staged)
    }

    fn delivery(&self) -> Delivery {
        self.delivery
    }

    fn lanes(&self) -> Option<Lanes<Event, StagedBy<Self, Event>>> {
        self.sink.lanes()
    }
}
