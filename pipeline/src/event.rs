//! The record of pipelines: a payload and where it came from.
use crate::json::{self, Val};
use millstream_operators::dead_letter::DeadLetter;
use millstream_runtime::data::{Bytes, Schema, State};
use millstream_runtime::source::{Meta, Received};
use millstream_runtime::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A record of a pipeline.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// What it says.
    pub payload: Payload,
    /// Where it came from; of a window's result, nowhere.
    pub meta: Meta,
    /// What the places in `meta` are called.
    pub naming: Naming,
    /// Its event time; [`Timestamp::MIN`] where its source has none.
    pub time: Timestamp,
}

/// What a source calls the places of its records: the keys of `$meta`. In checkpoints: never reorder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Naming {
    /// `source` and `offset`.
    #[default]
    Plain,
    /// `topic`, `partition` and `offset`.
    Topic,
    /// `path` and `offset`.
    Path,
    /// `stream`, `shard` and `sequence_number`.
    Shard,
}

/// What a record says: bytes as they came until something looks inside, and a value from then on.
#[derive(Clone, Debug)]
pub enum Payload {
    /// Bytes without a format, or text.
    Raw(Bytes),
    /// A value.
    Value {
        /// The value.
        value: Val,
        /// The JSON text that it was read from, which leaves unchanged where nothing else was made of it.
        text: Option<Bytes>,
    },
}

impl From<Val> for Payload {
    fn from(value: Val) -> Self {
        Payload::Value { value, text: None }
    }
}

impl Payload {
    /// JSON text, read and kept.
    ///
    /// # Errors
    /// Gives the bytes back, with what is wrong with them.
    pub fn json(text: Bytes) -> Result<Self, (String, Bytes)> {
        match json::read(&text) {
            Ok(value) => Ok(Payload::Value { value, text: Some(text) }),
            Err(e) => Err((e, text)),
        }
    }

    /// What expressions see as `.`: of bytes their text, or a byte string where they are none.
    pub fn value(&self) -> Val {
        match self {
            Payload::Value { value, .. } => value.clone(),
            Payload::Raw(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => text.to_owned().into(),
                Err(_) => Val::byte_str(bytes.clone()),
            },
        }
    }

    /// Appends it as JSON without a line break.
    pub fn write_json(&self, out: &mut Bytes) {
        match self {
            Payload::Value { text: Some(text), .. } if !text.contains(&b'\n') => out.extend_from_slice(text),
            Payload::Value { value, .. } => json::write(value, out),
            Payload::Raw(_) => json::write(&self.value(), out),
        }
    }

    /// Appends its bytes: what came in unchanged, a text without quotes, anything else as JSON.
    pub fn write_bytes(&self, out: &mut Bytes) {
        match self {
            Payload::Raw(bytes) | Payload::Value { text: Some(bytes), .. } => out.extend_from_slice(bytes),
            Payload::Value { value, text: None } => write_plain(value, out),
        }
    }
}

impl Payload {
    /// Takes the bytes that came in, where they are still what this payload is.
    pub fn take_bytes(&mut self) -> Option<Bytes> {
        match self {
            Payload::Raw(bytes) => Some(std::mem::take(bytes)),
            Payload::Value { text, .. } => text.take(),
        }
    }
}

/// Appends the text of a text, without quotes; the JSON of anything else.
pub fn write_plain(value: &Val, out: &mut Bytes) {
    match value {
        Val::TStr(bytes) | Val::BStr(bytes) => out.extend_from_slice(bytes),
        other => json::write(other, out),
    }
}

impl Event {
    /// Of a record as a source read it, with a payload of these bytes.
    pub fn received(record: Received<Bytes>, naming: Naming) -> Self {
        let time = record.meta.timestamp;
        Self { payload: Payload::Raw(record.value), meta: record.meta, naming, time }
    }

    /// A record that no source read: a dead letter, a window's result.
    pub fn made(value: Val, time: Timestamp) -> Self {
        let meta = Meta { timestamp: time, ..Meta::at("", 0) };
        Self { payload: value.into(), meta, naming: Naming::Plain, time }
    }

    /// Why this record failed, with all that is known of where it came from.
    pub fn letter(&self, reason: String) -> DeadLetter {
        let mut value = vec![];
        match &self.payload {
            Payload::Value { value: made, text: None } => json::write(made, &mut value),
            as_read => as_read.write_bytes(&mut value),
        }
        let letter = DeadLetter::received(&Received { value, meta: self.meta.clone() }, reason);
        match self.meta.source.is_empty() {
            true => DeadLetter { source: None, offset: None, ..letter },
            false => letter,
        }
    }

    /// One of several that a record becomes: its key and its place stay.
    pub fn with(&self, value: Val) -> Self {
        let meta = Meta { tombstone: false, ..self.meta.clone() };
        Self { payload: value.into(), meta, naming: self.naming, time: self.time }
    }

    /// What a record becomes: its key and its place stay.
    pub fn turned_into(mut self, value: Val) -> Self {
        self.payload = value.into();
        self.meta.tombstone = false;
        self
    }
}

impl State for Event {
    const SCHEMA: Schema = Schema::new("Event", 1, "{payload:Raw|Json,meta,naming,time:i64}");
}

/// How a payload crosses to another worker, and stands in checkpoints: never reorder.
#[derive(Serialize, Deserialize)]
enum Stored {
    Raw(Bytes),
    Json(Bytes),
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let stored = match self {
            Payload::Raw(bytes) => Stored::Raw(bytes.clone()),
            Payload::Value { text: Some(text), .. } => Stored::Json(text.clone()),
            Payload::Value { value, text: None } => {
                let mut text = vec![];
                json::write(value, &mut text);
                Stored::Json(text)
            }
        };
        stored.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match Stored::deserialize(d)? {
            Stored::Raw(bytes) => Ok(Payload::Raw(bytes)),
            Stored::Json(text) => Payload::json(text).map_err(|(e, _)| serde::de::Error::custom(e)),
        }
    }
}
