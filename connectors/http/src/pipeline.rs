//! The type of transform `http`, in pipelines.
use crate::client::{checked_headers, checked_url};
use crate::{Answer, Batches, Function};
use millstream_pipeline::{Calls, Event, Job, Node, Payload, Registry, Result, Stream, TransformKind, Wrong};
use millstream_runtime::data::Bytes;
use millstream_runtime::time::{Span, millis, secs};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Adds it.
pub fn register(registry: &mut Registry) {
    registry.transform::<Http>("http");
}

/// A function behind a URL, called for each record.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Http {
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// So many records are in flight on each worker; without it 100, or two batches.
    at_once: Option<usize>,
    /// So many records go into one call.
    #[serde(default = "default_batch")]
    batch: usize,
    /// So long a batch waits until it is full.
    #[serde(default = "default_linger")]
    linger: Span,
    #[serde(default = "default_timeout")]
    timeout: Span,
    #[serde(default = "default_retries")]
    retries: u32,
    /// Whether results leave in the order of their records.
    #[serde(default)]
    ordered: bool,
}

fn default_batch() -> usize {
    1
}

fn default_linger() -> Span {
    Span(millis(10))
}

fn default_timeout() -> Span {
    Span(secs(10))
}

fn default_retries() -> u32 {
    3
}

/// More records than this in flight, on each worker, help nobody.
const AT_ONCE_MOST: usize = 10_000;

/// As many records as AWS hands to a function at most.
const BATCH_MOST: usize = 1_000;

impl Http {
    fn at_once(&self) -> usize {
        self.at_once.unwrap_or(100.max(2 * self.batch))
    }
}

impl TransformKind for Http {
    fn check(&self) -> Vec<Wrong> {
        let url = checked_url(&self.url).err().map(|what| Wrong::new("url", what));
        let headers = checked_headers(&self.headers).err().map(|what| Wrong::new("headers", what));
        let fine = (1..=BATCH_MOST).contains(&self.batch);
        let batch = (!fine).then(|| Wrong::new("batch", format!("is 1 to {BATCH_MOST} records")));
        let least = self.batch.clamp(1, BATCH_MOST);
        let fine = (least..=AT_ONCE_MOST).contains(&self.at_once());
        let at_once = (!fine).then(|| Wrong::new("at_once", format!("is {least}, a whole batch, to {AT_ONCE_MOST}")));
        let fine = self.linger.0 < self.timeout.0;
        let linger = (!fine).then(|| Wrong::new("linger", "is shorter than the timeout, which it is a part of"));
        let timeout = self.timeout.0.is_zero().then(|| Wrong::new("timeout", "is at least 1ms"));
        url.into_iter().chain(headers).chain(batch).chain(at_once).chain(linger).chain(timeout).collect()
    }

    fn apply(&self, job: &Job, input: Stream<Event>, node: &Node<'_>) -> Result<Vec<Stream<Event>>> {
        let (url, headers) = (self.url.clone(), self.headers.clone());
        let (batch, linger, timeout) = (self.batch, self.linger.0, self.timeout.0);
        let function = job.shared(node.name(), async move || {
            Function::at(&url, &headers).map(|function| Batches::of(function, batch, linger, timeout))
        });
        let calls = Calls::at_once(self.at_once()).timeout(self.timeout.0).retries(self.retries);
        let calls = if self.ordered { calls.ordered() } else { calls };
        let call = async move |event: &Event| -> Result<Outcome, String> {
            let mut data = vec![];
            event.payload.write_bytes(&mut data);
            let id = format!("{}/{}/{}", event.meta.source, event.meta.split, event.meta.offset);
            Ok(match function.call(id, event.meta.timestamp, data).await? {
                Answer::Made(bytes) => Ok(Some(made(event, bytes))),
                Answer::Dropped => Ok(None),
                Answer::Failed(reason) => Err((event.clone(), reason)),
            })
        };
        let answered = node.settle(input.async_map_or(node.uid(), calls, Event::letter, call));
        let kept = answered.try_flat_map(|outcome: Outcome, out| {
            out.extend(outcome.map_err(|(event, reason)| event.letter(reason))?);
            Ok(())
        });
        Ok(vec![node.settle(kept)])
    }
}

/// A record, none, or why there is none: what a function says for good is not tried again.
type Outcome = Result<Option<Event>, (Event, String)>;

/// JSON becomes a value, so that expressions behind this see into it.
fn made(event: &Event, bytes: Bytes) -> Event {
    let payload = Payload::json(bytes).unwrap_or_else(|(_, bytes)| Payload::Raw(bytes));
    Event { payload, ..event.with(Default::default()) }
}
