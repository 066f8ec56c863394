//! From the text of a file to a [`Pipeline`], or to all the mistakes in it.
mod environment;
mod judge;
mod mistake;
mod order;
mod pipeline;
mod secrets;
mod section;

pub use mistake::Mistake;
pub use pipeline::Pipeline;
pub(crate) use pipeline::{Common, OnError, Sink, Source, Transform};

use crate::kind::{FormatKind, Side, Wrong};
use crate::registry::{Kinds, Registry};
use environment::{Fill, Variables};
use millstream_operators::job::{Entry, hide};
use millstream_runtime::sink::Delivery;
use millstream_runtime::time::Span;
use mistake::listed;
use section::{Lines, Section};
use serde::{Deserialize, de};
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

/// Reads a pipeline from the text of a file, and judges it. Touches nothing outside. What is secret in it is hidden
/// from all that the process prints, from here on.
///
/// # Errors
/// Every mistake that was found, in the order of the lines.
pub fn read(file: &str, text: &str, registry: &Registry, variables: Variables<'_>) -> Result<Pipeline, Vec<Mistake>> {
    let lines = Lines { file, text };
    let mut reading = Reading { registry, lines: &lines, mistakes: vec![] };
    let pipeline = reading.pipeline(variables);
    let mut mistakes = reading.mistakes;
    if let Some(mut pipeline) = pipeline {
        if mistakes.is_empty() {
            mistakes = judge::judge(&mut pipeline, file);
        }
        if mistakes.is_empty() {
            return Ok(pipeline);
        }
    }
    mistakes.sort();
    Err(mistakes)
}

struct Reading<'a> {
    registry: &'a Registry,
    lines: &'a Lines<'a>,
    mistakes: Vec<Mistake>,
}

/// `exactly_once` or `at_least_once`.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wanted {
    ExactlyOnce,
    AtLeastOnce,
}

/// A job's name: of file names, topics and metrics.
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: de::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let name = String::deserialize(d)?;
        let fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        match !name.is_empty() && name.len() <= 100 && name.chars().all(fine) {
            true => Ok(Self(name)),
            false => Err(de::Error::custom("a name has 1 to 100 letters, digits, - and _")),
        }
    }
}

impl<'a> Reading<'a> {
    fn pipeline(&mut self, variables: Variables<'_>) -> Option<Pipeline> {
        let mut table = match DeTable::parse(self.lines.text) {
            Ok(table) => table.into_inner(),
            Err(e) => {
                let at = e.span().map_or(0, |span| span.start);
                self.mistake(at, "", format!("no TOML: {}", e.message()));
                return None;
            }
        };
        let Fill { taken, wrong } = environment::fill(&mut table, variables);
        wrong.into_iter().for_each(|(at, what)| self.mistake(at, "", what));
        hide(secrets::secrets(&table, &taken));
        let sources = self.sections(&mut table, "sources", Self::source);
        let transforms = self.sections(&mut table, "transforms", Self::transform);
        let sinks = self.sections(&mut table, "sinks", Self::sink);
        let name = table.remove("name").map(|name| {
            let at = name.span().start;
            Name::deserialize(ValueDeserializer::from(name)).map_err(|e| self.mistake(at, "name", e.message()))
        });
        if name.is_none() {
            self.mistake(0, "name", "is missing: a job needs one, under which its state is known");
        }
        let settings = table.into_iter().filter_map(|(key, value)| self.setting(&key, value)).collect();
        Some(Pipeline { name: name?.ok()?.0, settings, sources, transforms, sinks })
    }

    fn mistake(&mut self, at: usize, key: &str, what: impl Into<String>) {
        let (file, line) = (self.lines.file.into(), self.lines.of(at));
        self.mistakes.push(Mistake { file, line, table: String::new(), key: key.into(), what: what.into() });
    }

    /// A key that stands for a flag of every job; whether there is such a flag is judged by the command line.
    fn setting(&mut self, key: &Spanned<std::borrow::Cow<'_, str>>, value: Spanned<DeValue<'_>>) -> Option<Entry> {
        let at = key.span().start;
        match toml::Value::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => {
                let whence = format!("{}:{}", self.lines.file, self.lines.of(at));
                Some(Entry { whence, key: key.get_ref().to_string(), value })
            }
            Err(e) => {
                self.mistake(at, key.get_ref(), e.message());
                None
            }
        }
    }

    /// The tables below one of `sources`, `transforms` and `sinks`.
    fn sections<T>(
        &mut self,
        table: &mut DeTable<'_>,
        sort: &str,
        node: impl Fn(&Self, &str, &mut Section<'a, '_>) -> Option<T>,
    ) -> Vec<T> {
        let Some(value) = table.remove(sort) else { return vec![] };
        let at = value.span().start;
        let DeValue::Table(nodes) = value.into_inner() else {
            self.mistake(at, sort, format!("is no table: write [{sort}.some_uid]"));
            return vec![];
        };
        let mut all = vec![];
        for (uid, value) in nodes {
            let name = uid.get_ref().to_string();
            match Section::new(self.lines, &format!("{sort}.{name}"), uid.span().start, value) {
                Ok(mut section) => {
                    if !is_uid(&name) {
                        section.wrong("", "is no uid: it has 1 to 100 letters, digits, - and _");
                    }
                    all.extend(node(self, &name, &mut section));
                    self.mistakes.append(&mut section.mistakes);
                }
                Err(mistake) => self.mistakes.push(mistake),
            }
        }
        all
    }

    fn source(&self, uid: &str, section: &mut Section<'a, '_>) -> Option<Source> {
        let kind = self.kind(section, &self.registry.sources);
        let format = self.format(section, Side::Source);
        let (event_time, lateness) = (section.take("event_time"), section.take("lateness"));
        let on_error = on_error(section);
        let kind = kind.and_then(|kind| section.rest(kind.fields, kind.read));
        kind.iter().for_each(|kind| note(section, kind.check()));
        if kind.as_ref().is_some_and(|kind| kind.has_lines()) {
            refuse_binary(section, format.as_deref());
        }
        let common = Common { uid: uid.into(), place: section.place.clone(), on_error };
        let lateness = lateness.unwrap_or(Span(std::time::Duration::ZERO));
        Some(Source { common, kind: kind?, format: format?, event_time, lateness, needs_time: false })
    }

    fn transform(&self, uid: &str, section: &mut Section<'a, '_>) -> Option<Transform> {
        let kind = self.kind(section, &self.registry.transforms);
        let inputs: Option<Vec<String>> = section.take("inputs");
        if inputs.as_ref().is_none_or(Vec::is_empty) && section.mistakes.is_empty() {
            section.wrong("inputs", "is missing: a transform reads sources or transforms");
        }
        let on_error = on_error(section);
        let kind = kind.and_then(|kind| section.rest(kind.fields, kind.read));
        kind.iter().for_each(|kind| note(section, kind.check()));
        let common = Common { uid: uid.into(), place: section.place.clone(), on_error };
        Some(Transform { common, kind: kind?, inputs: inputs? })
    }

    fn sink(&self, uid: &str, section: &mut Section<'a, '_>) -> Option<Sink> {
        let kind = self.kind(section, &self.registry.sinks);
        let inputs: Vec<String> = section.take("inputs").unwrap_or_default();
        let format = self.format(section, Side::Sink);
        let wanted: Option<Wanted> = section.take("delivery");
        let on_error = on_error(section);
        let kind = kind.and_then(|kind| section.rest(kind.fields, kind.read));
        kind.iter().for_each(|kind| note(section, kind.check()));
        if kind.as_ref().is_some_and(|kind| kind.has_lines()) {
            refuse_binary(section, format.as_deref());
        }
        let (delivery, possible) = match (wanted, kind.as_ref().is_some_and(|kind| kind.can_be_exactly_once())) {
            (Some(Wanted::ExactlyOnce), possible) => (Delivery::ExactlyOnce, possible),
            (Some(Wanted::AtLeastOnce), _) | (None, false) => (Delivery::AtLeastOnce, true),
            (None, true) => (Delivery::Best, true),
        };
        if !possible && kind.is_some() {
            section.wrong("delivery", "cannot be exactly_once with this type of sink; it has at_least_once");
        }
        let common = Common { uid: uid.into(), place: section.place.clone(), on_error };
        Some(Sink { common, kind: kind?, inputs, format: format?, delivery })
    }

    /// The kind that `type` names.
    fn kind<'k, K: ?Sized>(
        &self,
        section: &mut Section<'a, '_>,
        kinds: &'k Kinds<K>,
    ) -> Option<&'k crate::registry::Kind<K>> {
        let before = section.mistakes.len();
        let name: Option<String> = section.take("type");
        let found = name.as_ref().and_then(|name| kinds.get(name.as_str()));
        if found.is_none() && section.mistakes.len() == before {
            let named = name.map_or("is missing".into(), |name| format!("{name:?} is no type here"));
            section.wrong("type", format!("{named}; there are {}", listed(kinds.keys())));
        }
        found
    }

    /// The format, with the options in the table of its name.
    fn format(&self, section: &mut Section<'a, '_>, side: Side) -> Option<Arc<dyn FormatKind>> {
        let before = section.mistakes.len();
        let name: Option<String> = section.take("format");
        if section.mistakes.len() > before {
            return None;
        }
        let name = name.unwrap_or_else(|| "bytes".into());
        let Some(kind) = self.registry.formats.get(name.as_str()) else {
            section
                .wrong("format", format!("{name:?} is no format; there are {}", listed(self.registry.formats.keys())));
            return None;
        };
        let options = match kind.fields.is_empty() {
            true => Spanned::new(0..0, DeValue::Table(DeTable::default())),
            false => section.take_table(&name),
        };
        match (kind.read)(ValueDeserializer::from(options)) {
            Ok(format) => {
                note(section, format.check(side));
                Some(format.into())
            }
            Err(e) => {
                section.wrong(&name, e.message());
                None
            }
        }
    }
}

/// A uid is part of file names and of `uid.name`.
fn is_uid(name: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !name.is_empty() && name.len() <= 100 && name.chars().all(fine)
}

fn on_error(section: &mut Section<'_, '_>) -> OnError {
    match section.take::<String>("on_error").as_deref() {
        None | Some("fail") => OnError::Fail,
        Some("skip") => OnError::Skip,
        Some(sink) => OnError::DeadLetter(sink.into()),
    }
}

fn refuse_binary(section: &mut Section<'_, '_>, format: Option<&dyn FormatKind>) {
    if format.is_some_and(FormatKind::is_binary) {
        section.wrong("format", "is binary, and records are lines here: use it with kafka, or write json, csv or text");
    }
}

fn note(section: &mut Section<'_, '_>, wrong: Vec<Wrong>) {
    wrong.into_iter().for_each(|wrong| section.wrong(wrong.key, wrong.what));
}
