//! From a pipeline to the graph of its job.
mod decode;
pub(crate) mod node;
pub(crate) mod preview;

use crate::event::Event;
use crate::file::{Pipeline, Sink, Source, Transform};
use crate::json::{Num, Val};
use crate::kind::FormatKind;
use decode::Decode;
use jaq_json::Map;
use millstream_operators::dead_letter::DeadLetter;
use millstream_operators::{BoxError, Job, Result, Stream};
use millstream_runtime::time::{Timestamp, Watermark};
use node::{Letters, Node, SinkNode, SourceNode};
use preview::Preview;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Draws the job of a pipeline; with a preview in the place of its sinks where one is given.
///
/// # Errors
/// Where a connector cannot be drawn; says at which table.
pub(crate) fn draw(pipeline: &Pipeline, job: &Job, preview: Option<&Preview>) -> Result<()> {
    let mut drawing = Drawing { job, preview, streams: BTreeMap::new(), letters: Letters::default() };
    pipeline.sources.iter().try_for_each(|source| drawing.source(source))?;
    pipeline.transforms.iter().try_for_each(|transform| drawing.transform(transform))?;
    pipeline.sinks.iter().try_for_each(|sink| drawing.sink(sink))
}

struct Drawing<'a> {
    job: &'a Job,
    preview: Option<&'a Preview>,
    /// By uid, or `uid.name`.
    streams: BTreeMap<String, Stream<Event>>,
    letters: Letters,
}

impl Drawing<'_> {
    fn source(&mut self, source: &Source) -> Result<()> {
        let table = &source.common.place.table;
        let node = Node::new(&source.common, &self.letters);
        let reading = SourceNode::new(self.job, &source.common.uid, source.format.look_ahead());
        let received = source.kind.open(&reading).map_err(|e| at(table, &e))?;
        let mut decode = Decode {
            naming: source.kind.naming(),
            decoder: source.format.decoder(),
            event_time: source.event_time.clone(),
            needs_time: source.needs_time,
        };
        let decoded = received.try_flat_map(move |record, out| {
            out.push(decode.event(record)?);
            Ok(())
        });
        let mut events = node.settle(decoded);
        if source.needs_time {
            events = events.event_time(|event: &Event| event.time, Watermark::bounded(source.lateness));
        }
        self.streams.insert(source.common.uid.clone(), events);
        Ok(())
    }

    fn transform(&mut self, transform: &Transform) -> Result<()> {
        let (uid, table) = (&transform.common.uid, &transform.common.place.table);
        let Some(input) = self.merged(&transform.inputs) else { return Ok(()) };
        let node = Node::new(&transform.common, &self.letters);
        let streams = transform.kind.apply(self.job, input, &node).map_err(|e| at(table, &e))?;
        let names = transform.kind.outputs();
        let names = if names.is_empty() { vec![uid.clone()] } else { named(uid, &names) };
        self.streams.extend(names.into_iter().zip(streams));
        Ok(())
    }

    fn sink(&mut self, sink: &Sink) -> Result<()> {
        let (uid, table) = (&sink.common.uid, &sink.common.place.table);
        let letters = self.letters.take(uid).into_iter().map(|letters| letters.map(event_of));
        let Some(input) = letters.chain(self.merged(&sink.inputs)).reduce(Stream::union) else { return Ok(()) };
        let format: Arc<dyn FormatKind> = Arc::clone(&sink.format);
        if let Some(preview) = self.preview {
            input.sink(uid, preview.sink(uid, format));
            return Ok(());
        }
        if let Some(preparing) = format.prepare() {
            self.job.shared(&format!("the format of [{table}]"), async move || preparing.await);
        }
        let node = SinkNode::new(Node::new(&sink.common, &self.letters), format, sink.delivery);
        sink.kind.write(input, &node).map_err(|e| at(table, &e))
    }

    fn merged(&self, inputs: &[String]) -> Option<Stream<Event>> {
        inputs.iter().filter_map(|input| self.streams.get(input).cloned()).reduce(Stream::union)
    }
}

fn named(uid: &str, names: &[String]) -> Vec<String> {
    names.iter().map(|name| format!("{uid}.{name}")).collect()
}

fn at(table: &str, e: &BoxError) -> BoxError {
    format!("[{table}] {e}").into()
}

/// A dead letter as a record of a sink: `{"source","offset","reason","raw"}`.
fn event_of(letter: DeadLetter) -> Event {
    let mut object: Map<Val, Val> = Map::default();
    let mut set = |key: &str, value: Val| object.insert(key.to_owned().into(), value);
    set("source", letter.source.map_or(Val::Null, Into::into));
    set("offset", letter.offset.map_or(Val::Null, |n| Val::Num(Num::from_integral(n))));
    set("reason", letter.reason.into());
    set("raw", letter.raw.into());
    letter.encoding.into_iter().for_each(|encoding| drop(set("encoding", encoding.into())));
    Event::made(Val::obj(object), Timestamp::MIN)
}
