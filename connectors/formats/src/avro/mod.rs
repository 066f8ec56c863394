//! Avro: a record is one datum, plain or behind the head of Confluent's serializers.
mod schema;
mod walk;

pub use apache_avro;
pub use apache_avro::types::Value as AvroValue;
pub use schema::AvroSchema;

use crate::confluent;
use crate::registry::{SchemaKind, SchemaRegistry, Subject};
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use millstream_runtime::data::Bytes;
use millstream_runtime::format::{Decode, Encode};
use serde::{Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;
use walk::walk;

/// Avro, in types that serde knows by the names of their fields.
///
/// ```
/// use millstream_formats::{Avro, AvroSchema, Decode, Encode};
/// use serde::{Deserialize, Serialize};
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct Order { id: i64 }
/// let schema = AvroSchema::parse(r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"long"}]}"#)?;
/// let (mut avro, mut bytes) = (Avro::plain(&schema), vec![]);
/// avro.encode(&Order { id: 7 }, &mut bytes)?;
/// assert_eq!(bytes, [14]);
/// assert_eq!(Decode::<Order>::decode(&mut avro, &bytes)?, Order { id: 7 });
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug)]
pub struct Avro {
    writer: Writer,
    reader: Option<AvroSchema>,
    /// Schemas of the registry that this decoder has met; the registry bounds them.
    met: BTreeMap<u32, AvroSchema>,
}

/// Where the schema is from that records are written with.
#[derive(Clone, Debug)]
enum Writer {
    /// All records have this one, and do not say it.
    Plain(AvroSchema),
    /// Each record says its id.
    Registry(SchemaRegistry),
    /// It has this name; once resolved, its id and itself.
    Subject(Subject, Option<(u32, AvroSchema)>),
}

impl Avro {
    fn new(writer: Writer) -> Self {
        Self { writer, reader: None, met: BTreeMap::new() }
    }

    /// Records of this schema, without a head.
    pub fn plain(schema: &AvroSchema) -> Self {
        Self::new(Writer::Plain(schema.clone()))
    }

    /// Decodes records that name their schema in this registry; the source goes through [`SchemaRegistry::ahead`].
    pub fn registry(registry: &SchemaRegistry) -> Self {
        Self::new(Writer::Registry(registry.clone()))
    }

    /// Encodes records under this subject, which must be resolved before the first one: see [`Subject::resolve`].
    pub fn subject(subject: &Subject) -> Self {
        Self::new(Writer::Subject(subject.clone(), None))
    }

    /// What is decoded is brought to this schema, whichever it was written with: fields that are new take their defaults,
    /// others go, numbers widen, as Avro's rules say. Aliases of fields are not followed: the library does not.
    pub fn reader(mut self, schema: &AvroSchema) -> Self {
        self.reader = Some(schema.clone());
        self
    }

    /// Decodes one record to a value of the library, with its schema.
    ///
    /// # Errors
    /// Where the bytes are no such record, their schema is not known, or cannot be brought to the reader's.
    pub fn value(&mut self, record: &[u8]) -> Result<(AvroValue, AvroSchema), String> {
        let (schema, datum) = match &self.writer {
            Writer::Plain(schema) => (schema.clone(), record),
            Writer::Registry(registry) => {
                let (id, datum) = confluent::split(record)?;
                (met(&mut self.met, registry, id)?, datum)
            }
            Writer::Subject(..) => return Err("this format encodes: decode with Avro::registry".into()),
        };
        walk(schema.root(), schema.names(), datum)?;
        let reader = GenericDatumReader::builder(schema.root())
            .maybe_reader_schema(self.reader.as_ref().map(AvroSchema::root))
            .build()
            .map_err(|e| e.to_string())?;
        let mut rest = datum;
        let value = reader.read_value(&mut rest).map_err(|e| format!("no Avro of this schema: {e}"))?;
        Ok((value, self.reader.clone().unwrap_or(schema)))
    }

    /// The schema that records are encoded with.
    ///
    /// # Errors
    /// Where the subject is not resolved, or its schema is no Avro.
    pub fn schema(&mut self) -> Result<AvroSchema, String> {
        Ok(self.target()?.1)
    }

    /// Encodes a value of the library that is of [`Avro::schema`].
    ///
    /// # Errors
    /// Where it is not.
    pub fn put(&mut self, value: &AvroValue, out: &mut Bytes) -> Result<(), String> {
        self.write(out, |writer, out| writer.write_value_ref(out, value).map(drop))
    }

    /// Writes the head and, behind it, what `datum` writes.
    fn write(
        &mut self,
        out: &mut Bytes,
        datum: impl FnOnce(&GenericDatumWriter<'_>, &mut Bytes) -> Result<(), apache_avro::Error>,
    ) -> Result<(), String> {
        let (id, schema) = self.target()?;
        let wrong = |e: apache_avro::Error| format!("cannot be written as Avro: {e}");
        let writer = GenericDatumWriter::builder(schema.root()).build().map_err(wrong)?;
        if let Some(id) = id {
            confluent::head(id, out);
        }
        datum(&writer, out).map_err(wrong)
    }

    /// The id, where records say it, and the schema.
    fn target(&mut self) -> Result<(Option<u32>, AvroSchema), String> {
        match &mut self.writer {
            Writer::Plain(schema) => Ok((None, schema.clone())),
            Writer::Subject(_, Some((id, schema))) => Ok((Some(*id), schema.clone())),
            Writer::Subject(subject, target) => {
                let (id, text) = subject.resolved()?;
                let schema = AvroSchema::parse_with(&text.text, &text.references)?;
                let (id, schema) = target.insert((id, schema));
                Ok((Some(*id), schema.clone()))
            }
            Writer::Registry(_) => Err("this format decodes: encode with Avro::subject".into()),
        }
    }
}

/// The schema of an id, parsed once.
fn met(met: &mut BTreeMap<u32, AvroSchema>, registry: &SchemaRegistry, id: u32) -> Result<AvroSchema, String> {
    if let Some(schema) = met.get(&id) {
        return Ok(schema.clone());
    }
    let text = registry.known(id)?;
    if text.kind != SchemaKind::Avro {
        return Err(format!("schema {id} is {:?}, not Avro", text.kind));
    }
    let schema = AvroSchema::parse_with(&text.text, &text.references).map_err(|e| format!("schema {id}: {e}"))?;
    met.insert(id, schema.clone());
    Ok(schema)
}

impl<T: DeserializeOwned> Decode<T> for Avro {
    fn decode(&mut self, bytes: &[u8]) -> Result<T, String> {
        let (value, _) = self.value(bytes)?;
        apache_avro::from_value(&value).map_err(|e| format!("no Avro of this type: {e}"))
    }
}

impl<T: Serialize> Encode<T> for Avro {
    fn encode(&mut self, record: &T, out: &mut Bytes) -> Result<(), String> {
        self.write(out, |writer, out| writer.write_ser(out, record).map(drop))
    }

    fn extension(&self) -> &'static str {
        "avro"
    }
}
