//! A schema of Avro, ready to read and write with.
use apache_avro::Schema;
use apache_avro::schema::{Names, ResolvedSchema};
use std::fmt;
use std::sync::Arc;

/// An Avro schema. Clones share it.
///
/// ```
/// use millstream_formats::AvroSchema;
/// let schema = AvroSchema::parse(r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"long"}]}"#)?;
/// assert!(AvroSchema::parse("{").unwrap_err().contains("no Avro schema"));
/// # let _ = schema;
/// # Ok::<(), String>(())
/// ```
#[derive(Clone)]
pub struct AvroSchema(Arc<Parts>);

struct Parts {
    text: String,
    root: Schema,
    names: Names,
}

impl fmt::Debug for AvroSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AvroSchema({})", self.0.text)
    }
}

impl AvroSchema {
    /// Reads a schema from its JSON.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::parse_with(text, &[])
    }

    /// Reads a schema that names types of others.
    ///
    /// # Errors
    /// Says what is wrong with it, or which type is missing.
    pub fn parse_with(text: &str, others: &[String]) -> Result<Self, String> {
        let wrong = |e: apache_avro::Error| format!("no Avro schema: {e}");
        let root = if others.is_empty() {
            Schema::parse_str(text).map_err(wrong)?
        } else {
            let (mut schema, others) = Schema::parse_str_with_list(text, others).map_err(wrong)?;
            schema.denormalize(&others).map_err(wrong)?;
            schema
        };
        let resolved = ResolvedSchema::new(&root).map_err(wrong)?;
        let names = resolved.get_names().iter().map(|(name, one)| (name.clone(), (*one).clone())).collect();
        Ok(Self(Arc::new(Parts { text: text.into(), root, names })))
    }

    /// The JSON it was read from.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The schema.
    pub fn root(&self) -> &Schema {
        &self.0.root
    }

    /// The types that it names.
    pub fn names(&self) -> &Names {
        &self.0.names
    }
}
