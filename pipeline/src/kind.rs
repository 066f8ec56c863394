//! What a connector implements to take part in pipelines. Each type of a node is a struct of options that serde reads.
use crate::draw::node::{Node, SinkNode, SourceNode};
use crate::event::{Event, Naming, Payload};
use millstream_formats::LookAhead;
use millstream_operators::{Job, Result, Stream};
use millstream_runtime::data::Bytes;
use millstream_runtime::source::Received;
use std::pin::Pin;
use std::sync::Arc;

/// What is wrong with the options of a node, beyond what serde finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The key.
    pub key: &'static str,
    /// What is wrong with its value, and what is allowed.
    pub what: String,
}

impl Wrong {
    /// The value of `key` is wrong.
    pub fn new(key: &'static str, what: impl Into<String>) -> Self {
        Self { key, what: what.into() }
    }
}

/// A type of source: its options, and what they make.
pub trait SourceKind: Send + Sync + 'static {
    /// What the places of its records are called.
    fn naming(&self) -> Naming {
        Naming::Plain
    }

    /// Whether its records bring a timestamp.
    fn is_timed(&self) -> bool {
        false
    }

    /// Whether it can be read again after a crash.
    fn is_replayable(&self) -> bool {
        true
    }

    /// Whether its records are lines, which no binary format can be.
    fn has_lines(&self) -> bool {
        false
    }

    /// What is wrong with the options. Touches nothing outside.
    fn check(&self) -> Vec<Wrong> {
        vec![]
    }

    /// Adds the source to the job, by [`SourceNode::read`]. Called on each worker, and when the job is only looked at: it
    /// reaches nothing outside.
    ///
    /// # Errors
    /// Where the job cannot be drawn.
    fn open(&self, node: &SourceNode<'_>) -> Result<Stream<Received<Bytes>>>;
}

/// A type of transform.
pub trait TransformKind: Send + Sync + 'static {
    /// The names of its outputs, where it has several: an input is then written `uid.name`.
    fn outputs(&self) -> Vec<String> {
        vec![]
    }

    /// Whether it works in event time.
    fn needs_time(&self) -> bool {
        false
    }

    /// What is wrong with the options. Touches nothing outside.
    fn check(&self) -> Vec<Wrong> {
        vec![]
    }

    /// Adds it to the job; gives as many streams as there are names in [`TransformKind::outputs`], or one.
    ///
    /// # Errors
    /// Where the job cannot be drawn.
    fn apply(&self, job: &Job, input: Stream<Event>, node: &Node<'_>) -> Result<Vec<Stream<Event>>>;
}

/// A type of sink.
pub trait SinkKind: Send + Sync + 'static {
    /// Whether `delivery = "exactly_once"` can be had.
    fn can_be_exactly_once(&self) -> bool {
        true
    }

    /// Whether its records are lines, which no binary format can be.
    fn has_lines(&self) -> bool {
        false
    }

    /// Whether it works in event time.
    fn needs_time(&self) -> bool {
        false
    }

    /// What is wrong with the options. Touches nothing outside.
    fn check(&self) -> Vec<Wrong> {
        vec![]
    }

    /// Adds it to the job.
    ///
    /// # Errors
    /// Where the job cannot be drawn.
    fn write(&self, input: Stream<Event>, node: &SinkNode<'_>) -> Result<()>;
}

/// The end of a pipeline that a format stands at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It decodes.
    Source,
    /// It encodes.
    Sink,
}

/// What must be done before a sink's first record; begins when it is awaited.
pub type Preparing = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// A format, with its options.
pub trait FormatKind: Send + Sync + 'static {
    /// What is wrong with the options. Touches nothing outside.
    fn check(&self, _side: Side) -> Vec<Wrong> {
        vec![]
    }

    /// Whether its records may have any byte in them, line breaks too, and are not for people.
    fn is_binary(&self) -> bool {
        false
    }

    /// What a source waits for before a record is decoded.
    fn look_ahead(&self) -> Option<Arc<dyn LookAhead>> {
        None
    }

    /// What must be done before the first record is encoded.
    fn prepare(&self) -> Option<Preparing> {
        None
    }

    /// What reads the records of one source on one worker.
    fn decoder(&self) -> Box<dyn Decoder>;

    /// What writes the records of one sink on one worker.
    fn encoder(&self) -> Box<dyn Encoder>;

    /// What the names of its files end in, without the dot.
    fn extension(&self) -> &'static str {
        "txt"
    }
}

/// Bytes to a payload.
pub trait Decoder {
    /// Reads one record.
    ///
    /// # Errors
    /// What is wrong with the bytes, and the bytes.
    fn decode(&mut self, bytes: Bytes) -> Result<Payload, (String, Bytes)>;
}

/// A payload to bytes.
pub trait Encoder {
    /// Appends one record, without a line's end.
    ///
    /// # Errors
    /// Where the format cannot say it.
    fn encode(&mut self, event: &Event, out: &mut Bytes) -> Result<(), String>;

    /// The bytes of one record, for sinks whose records are no lines: without a copy where they are there already. After an
    /// error the event is as it was.
    ///
    /// # Errors
    /// As [`Encoder::encode`].
    fn take(&mut self, event: &mut Event) -> Result<Bytes, String> {
        let mut out = vec![];
        self.encode(event, &mut out)?;
        Ok(out)
    }

    /// Called before the first record of each file.
    fn begin_file(&mut self) {}
}
