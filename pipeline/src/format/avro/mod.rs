//! `avro`: a record is a datum, seen as an object.
//!
//! The object has only what JSON has, so that it is the same on each worker: bytes and fixed are texts in base64, times
//! RFC 3339, decimals numbers with all their digits, an enum its symbol, a union the value alone.
mod number;
mod read;
mod time;
mod write;

#[cfg(test)]
mod tests;

use super::schemas::{Access, file};
use crate::event::{Event, Payload};
use crate::kind::{Decoder, Encoder, FormatKind, Preparing, Side, Wrong};
use millstream_formats::{Avro as Datums, AvroSchema, LookAhead, SchemaKind, SchemaRegistry, Subject};
use millstream_runtime::data::Bytes;
use millstream_runtime::time::Span;
use serde::Deserialize;
use std::sync::Arc;

/// `avro = { schema = "order.avsc" }`, `avro = { registry = "http://host:8081", subject = "orders-value" }`.
#[derive(Deserialize)]
#[serde(try_from = "Options")]
pub(crate) struct Avro {
    schema: Option<AvroSchema>,
    registry: Option<SchemaRegistry>,
    /// Under which a sink writes.
    subject: Option<Subject>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    /// A file. What a source brings records to, what a sink writes with.
    schema: Option<String>,
    registry: Option<String>,
    /// Of a sink.
    subject: Option<String>,
    /// Of a sink: whether its schema is added to the subject.
    register: Option<bool>,
    username: Option<String>,
    password: Option<String>,
    token: Option<String>,
    ca: Option<String>,
    timeout: Option<Span>,
}

impl TryFrom<Options> for Avro {
    type Error = String;

    fn try_from(options: Options) -> Result<Self, String> {
        let Options { schema, registry, subject, register, username, password, token, ca, timeout } = options;
        let schema = schema.as_deref().map(schema_of).transpose()?;
        let registry = Access { registry, username, password, token, ca, timeout }.open()?;
        let subject = match (&registry, subject) {
            (Some(registry), Some(name)) => Some(registry.subject(&name, SchemaKind::Avro)),
            (None, Some(_)) => return Err("has a subject, but no registry that knows it".into()),
            (_, None) if register.is_some() => return Err("has register, but no subject to add the schema to".into()),
            _ => None,
        };
        let subject = match (subject, &schema, register) {
            (Some(subject), Some(schema), Some(false)) => Some(subject.existing(schema.text())),
            (Some(subject), Some(schema), _) => Some(subject.register(schema.text())),
            (Some(_), None, Some(true)) => return Err("has register = true, but no schema to add".into()),
            (subject, _, _) => subject,
        };
        Ok(Self { schema, registry, subject })
    }
}

fn schema_of(path: &str) -> Result<AvroSchema, String> {
    let wrong = |e: String| format!("schema = {path:?}: {e}");
    let text = String::from_utf8(file("schema", path)?).map_err(|_| wrong("is not UTF-8".into()))?;
    AvroSchema::parse(&text).map_err(wrong)
}

impl FormatKind for Avro {
    fn check(&self, side: Side) -> Vec<Wrong> {
        let wrong = match (side, &self.registry, &self.subject, &self.schema) {
            (_, None, _, None) => {
                "needs a schema: write avro = { schema = \"FILE.avsc\" }, or registry = \"http://host:8081\""
            }
            (Side::Source, _, Some(_), _) => {
                "has a subject, which only a sink needs: the records of a source say the id of their schema"
            }
            (Side::Sink, Some(_), None, _) => {
                "has no subject: write the name of the schema in the registry, such as subject = \"TOPIC-value\""
            }
            _ => return vec![],
        };
        vec![Wrong::new("avro", wrong)]
    }

    fn is_binary(&self) -> bool {
        true
    }

    fn look_ahead(&self) -> Option<Arc<dyn LookAhead>> {
        self.registry.clone().map(|registry| Arc::new(registry) as Arc<dyn LookAhead>)
    }

    fn prepare(&self) -> Option<Preparing> {
        let subject = self.subject.clone()?;
        Some(Box::pin(async move {
            subject.resolve().await?;
            Datums::subject(&subject).schema()?;
            Ok(())
        }))
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        let datums = match (&self.registry, &self.schema) {
            (Some(registry), None) => Some(Datums::registry(registry)),
            (Some(registry), Some(schema)) => Some(Datums::registry(registry).reader(schema)),
            (None, Some(schema)) => Some(Datums::plain(schema)),
            (None, None) => None,
        };
        Box::new(Codec(datums))
    }

    fn encoder(&self) -> Box<dyn Encoder> {
        let datums = match (&self.subject, &self.schema) {
            (Some(subject), _) => Some(Datums::subject(subject)),
            (None, schema) => schema.as_ref().map(Datums::plain),
        };
        Box::new(Codec(datums))
    }

    fn extension(&self) -> &'static str {
        "avro"
    }
}

/// There is always something in it: `check` has seen to that.
struct Codec(Option<Datums>);

impl Codec {
    fn datums(&mut self) -> Result<&mut Datums, String> {
        self.0.as_mut().ok_or_else(|| "avro has no schema".into())
    }

    fn payload(&mut self, bytes: &[u8]) -> Result<Payload, String> {
        let (value, schema) = self.datums()?.value(bytes)?;
        read::read(value, &schema).map(Payload::from)
    }
}

impl Decoder for Codec {
    fn decode(&mut self, bytes: Bytes) -> Result<Payload, (String, Bytes)> {
        self.payload(&bytes).map_err(|e| (e, bytes))
    }
}

impl Encoder for Codec {
    fn encode(&mut self, event: &Event, out: &mut Bytes) -> Result<(), String> {
        let datums = self.datums()?;
        let value = write::write(&event.payload.value(), &datums.schema()?)?;
        datums.put(&value, out)
    }
}
