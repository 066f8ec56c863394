//! `protobuf`: a record is a message, seen as an object by Protobuf's JSON mapping.
use super::schemas::{Access, file};
use crate::event::{Event, Payload};
use crate::kind::{Decoder, Encoder, FormatKind, Preparing, Side, Wrong};
use millstream_formats::{Messages, SchemaKind, Subject};
use millstream_runtime::data::Bytes;
use millstream_runtime::time::Span;
use serde::Deserialize;

/// `protobuf = { descriptors = "shop.binpb", message = "shop.Order" }`.
#[derive(Deserialize)]
#[serde(try_from = "Options")]
pub(crate) struct Protobuf {
    messages: Messages,
    /// Whether records have the head of Confluent's serializers.
    confluent: bool,
    /// Under which a sink writes.
    subject: Option<Subject>,
    /// Whether a registry is named.
    has_registry: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    /// A file with a `FileDescriptorSet`.
    descriptors: String,
    /// The full name of the message's type.
    message: String,
    #[serde(default)]
    confluent: bool,
    subject: Option<String>,
    registry: Option<String>,
    username: Option<String>,
    password: Option<String>,
    token: Option<String>,
    ca: Option<String>,
    timeout: Option<Span>,
}

impl TryFrom<Options> for Protobuf {
    type Error = String;

    fn try_from(options: Options) -> Result<Self, String> {
        let Options { descriptors, message, confluent, subject, registry, username, password, token, ca, timeout } =
            options;
        let set = file("descriptors", &descriptors)?;
        let mut messages = Messages::of(&set, &message).map_err(|e| format!("descriptors = {descriptors:?}: {e}"))?;
        let registry = Access { registry, username, password, token, ca, timeout }.open()?;
        let has_registry = registry.is_some();
        let subject = match (registry, subject) {
            (Some(registry), Some(name)) => Some(registry.subject(&name, SchemaKind::Protobuf)),
            (None, Some(_)) => return Err("has a subject, but no registry that knows it".into()),
            _ => None,
        };
        if let Some(subject) = &subject {
            messages = messages.subject(subject);
        } else if confluent {
            messages = messages.confluent();
        }
        Ok(Self { messages, confluent, subject, has_registry })
    }
}

impl FormatKind for Protobuf {
    fn check(&self, side: Side) -> Vec<Wrong> {
        let wrong = match side {
            Side::Source if self.has_registry => {
                "has a registry: the descriptors say all, so a source asks none; write confluent = true"
            }
            Side::Sink if self.subject.is_none() && (self.confluent || self.has_registry) => {
                "has no subject: its schema's id stands in each record; write registry = \"http://host:8081\" and subject = \"TOPIC-value\""
            }
            _ => return vec![],
        };
        vec![Wrong::new("protobuf", wrong)]
    }

    fn is_binary(&self) -> bool {
        true
    }

    fn prepare(&self) -> Option<Preparing> {
        let subject = self.subject.clone()?;
        Some(Box::pin(async move {
            subject.resolve().await?;
            Ok(())
        }))
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(Reading(self.messages.clone()))
    }

    fn encoder(&self) -> Box<dyn Encoder> {
        Box::new(Writing { messages: self.messages.clone(), text: vec![] })
    }

    fn extension(&self) -> &'static str {
        "binpb"
    }
}

struct Reading(Messages);

impl Decoder for Reading {
    fn decode(&mut self, bytes: Bytes) -> Result<Payload, (String, Bytes)> {
        let mut text = vec![];
        match self.0.to_json(&bytes, &mut text) {
            Ok(()) => Payload::json(text).map_err(|(e, _)| (e, bytes)),
            Err(e) => Err((e, bytes)),
        }
    }
}

struct Writing {
    messages: Messages,
    /// The JSON of the record at hand.
    text: Bytes,
}

impl Encoder for Writing {
    fn encode(&mut self, event: &Event, out: &mut Bytes) -> Result<(), String> {
        self.text.clear();
        event.payload.write_json(&mut self.text);
        self.messages.put_json(&self.text, out)
    }
}
