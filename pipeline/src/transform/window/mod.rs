//! `window`: aggregates of the records of each key, over event time.
mod aggregation;
mod number;
#[cfg(test)]
mod tests;

use crate::draw::node::Node;
use crate::event::{Event, write_plain};
use crate::expression::Expression;
use crate::json::{Val, canonical, read};
use crate::kind::{TransformKind, Wrong};
use aggregation::{Aggregates, Aggregation, Kept, Measured};
use jaq_json::Map;
use millstream_operators::keyed::Keyed;
use millstream_operators::window::{Session, Sliding, Tumbling, Windowed};
use millstream_operators::{Job, Result, Stream};
use millstream_runtime::codec::hash_bytes;
use millstream_runtime::time::Span;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Keys that a result has besides its aggregates.
const TAKEN: [&str; 3] = ["key", "start", "end"];

/// `every = "10s"`, with `slide` or without; or `session = "30m"`; `key = ".user"`, or one window for all records.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Window {
    every: Option<Span>,
    slide: Option<Span>,
    session: Option<Span>,
    key: Option<Expression>,
    aggregate: BTreeMap<String, Aggregation>,
}

/// Which windows, as the options say it.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Tumbling(Span),
    Sliding(Span, Span),
    Session(Span),
}

impl Window {
    fn shape(&self) -> Result<Shape, Wrong> {
        match (self.every, self.slide, self.session) {
            (Some(every), None, None) => Ok(Shape::Tumbling(every)),
            (Some(every), Some(slide), None) => Ok(Shape::Sliding(every, slide)),
            (None, None, Some(gap)) => Ok(Shape::Session(gap)),
            (None, None, None) => Err(Wrong::new("every", "is missing: write every = \"10s\", or session = \"30m\"")),
            (None, Some(_), _) => Err(Wrong::new("slide", "needs `every`, the length of a window")),
            (_, _, Some(_)) => Err(Wrong::new("session", "stands alone: a session has neither `every` nor `slide`")),
        }
    }

    /// The uid of the state, which fits one shape and one list of aggregates only: with others it is another one, so that
    /// a restart refuses to go on with what does not fit.
    fn state_uid(&self, uid: &str, shape: Shape) -> String {
        let key = self.key.as_ref().map_or("", |key| key.text());
        let mut text = format!("{shape:?} {key}");
        for (name, aggregation) in &self.aggregate {
            text.push_str(&format!("\n{name} {}", aggregation.text()));
        }
        format!("{uid}/{:08x}", hash_bytes(text.as_bytes()) as u32)
    }
}

impl TransformKind for Window {
    fn needs_time(&self) -> bool {
        true
    }

    fn check(&self) -> Vec<Wrong> {
        let mut wrong: Vec<Wrong> = self.shape().err().into_iter().collect();
        let lengths = [("every", self.every), ("slide", self.slide), ("session", self.session)];
        let zero = lengths.into_iter().filter(|(_, length)| length.is_some_and(|length| length.0.is_zero()));
        wrong.extend(zero.map(|(key, _)| Wrong::new(key, "is at least 1ms")));
        if self.aggregate.is_empty() {
            wrong.push(Wrong::new(
                "aggregate",
                "is empty: write aggregate = { hits = \"count\", bytes = \"sum .bytes\" }",
            ));
        }
        for name in self.aggregate.keys().filter(|name| TAKEN.contains(&name.as_str())) {
            wrong.push(Wrong::new("aggregate", format!("{name:?} is taken: a result has its key, start and end")));
        }
        wrong
    }

    fn apply(&self, _job: &Job, input: Stream<Event>, node: &Node<'_>) -> Result<Vec<Stream<Event>>> {
        let shape = self.shape().map_err(|wrong| format!("{}: {}", wrong.key, wrong.what))?;
        let (names, aggregations): (Vec<String>, Vec<Aggregation>) = self.aggregate.clone().into_iter().unzip();
        let (key, measures, is_keyed) = (self.key.clone(), aggregations.clone(), self.key.is_some());
        let measured = input.try_flat_map(move |event: Event, out| match measured(key.as_ref(), &measures, &event) {
            Ok(measured) => {
                out.push(measured);
                Ok(())
            }
            Err(reason) => Err(event.letter(reason)),
        });
        let keyed = node.settle(measured).key_by(|(key, _): &Measured| key.clone());
        let results = windowed(keyed, shape, &self.state_uid(node.uid(), shape), Aggregates(aggregations));
        Ok(vec![results.map(move |result| event_of(&names, is_keyed, &result))])
    }
}

fn measured(key: Option<&Expression>, aggregations: &[Aggregation], event: &Event) -> Result<Measured, String> {
    let key = key.map(|key| key.one(event)).transpose()?.unwrap_or_default();
    let measures = aggregations.iter().map(|aggregation| aggregation.measure(event)).collect::<Result<_, _>>()?;
    Ok((canonical(&key), measures))
}

type Results = Stream<Windowed<String, Vec<Kept>>>;

fn windowed(keyed: Keyed<String, Measured>, shape: Shape, uid: &str, aggregates: Aggregates) -> Results {
    match shape {
        Shape::Tumbling(every) => keyed.window(Tumbling::of(every.0)).aggregate(uid, aggregates),
        Shape::Sliding(every, slide) => keyed.window(Sliding::of(every.0, slide.0)).aggregate(uid, aggregates),
        Shape::Session(gap) => keyed.window(Session::gap(gap.0)).aggregate(uid, aggregates),
    }
}

/// `{"key":..,"start":..,"end":..}` and the aggregates. Its own key, for sinks that have one, is the window's.
fn event_of(names: &[String], is_keyed: bool, result: &Windowed<String, Vec<Kept>>) -> Event {
    let key = read(result.key.as_bytes()).unwrap_or_default();
    let mut plain_key = vec![];
    write_plain(&key, &mut plain_key);
    let mut object: Map<Val, Val> = Map::default();
    let mut set = |name: &str, value: Val| object.insert(name.to_owned().into(), value);
    if is_keyed {
        set("key", key);
    }
    set("start", result.start.to_string().into());
    set("end", result.end.to_string().into());
    for (name, kept) in names.iter().zip(&result.value) {
        set(name, kept.value());
    }
    let mut event = Event::made(Val::obj(object), result.end);
    event.meta.key = is_keyed.then_some(plain_key);
    event
}
