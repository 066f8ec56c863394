//! What the registry's API says, as JSON.
use serde::{Deserialize, Serialize};

/// The language of a schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SchemaKind {
    /// Avro, which the API does not name.
    #[default]
    Avro,
    /// Protocol Buffers: the text of a `.proto` file.
    Protobuf,
    /// JSON Schema.
    Json,
}

/// A schema as the registry keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaText {
    /// Its language.
    pub kind: SchemaKind,
    /// Its text.
    pub text: String,
    /// The texts of the schemas that it refers to, and these to, in no order.
    pub references: Vec<String>,
}

impl SchemaText {
    /// One that refers to no other.
    pub fn new(kind: SchemaKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), references: vec![] }
    }
}

/// A schema, in answers; `GET /schemas/ids/N` gives no id.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answered {
    pub id: Option<u32>,
    pub schema: String,
    #[serde(default)]
    pub schema_type: SchemaKind,
    #[serde(default)]
    pub references: Option<Vec<Reference>>,
}

/// A schema in another subject.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Reference {
    pub subject: String,
    pub version: u32,
}

/// The answer to a schema that was sent.
#[derive(Debug, Deserialize)]
pub(super) struct Numbered {
    pub id: u32,
}

/// A schema that is sent.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sent<'a> {
    pub schema: &'a str,
    #[serde(skip_serializing_if = "is_avro")]
    pub schema_type: SchemaKind,
}

fn is_avro(kind: &SchemaKind) -> bool {
    *kind == SchemaKind::Avro
}

/// What went wrong.
#[derive(Debug, Deserialize)]
pub(super) struct Refused {
    pub error_code: u32,
    pub message: String,
}
