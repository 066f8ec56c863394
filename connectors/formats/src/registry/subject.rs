//! The schema under which a sink's records are written.
use super::SchemaRegistry;
use super::client::Failure;
use super::wire::{SchemaKind, SchemaText};
use std::sync::{Arc, OnceLock};

/// A name under which a registry keeps the versions of a schema, and which of them a sink writes with. Clones are one and
/// the same.
///
/// ```no_run
/// # use millstream_formats::{SchemaKind, SchemaRegistry};
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = SchemaRegistry::at("http://127.0.0.1:8081").open()?;
/// let subject = registry.subject("orders-value", SchemaKind::Avro).register(r#""string""#);
/// let id = subject.resolve().await?;
/// # let _ = id; Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Subject {
    registry: SchemaRegistry,
    name: String,
    kind: SchemaKind,
    which: Which,
    resolved: Arc<OnceLock<(u32, Arc<SchemaText>)>>,
}

/// Which version.
#[derive(Clone, Debug)]
enum Which {
    Latest,
    /// This one, which must be there.
    Existing(String),
    /// This one, which is added where it is not there.
    Registered(String),
}

impl Subject {
    pub(super) fn new(registry: SchemaRegistry, name: &str, kind: SchemaKind) -> Self {
        Self { registry, name: name.into(), kind, which: Which::Latest, resolved: Arc::default() }
    }

    /// Writes with this schema, and adds it to the subject where it is not there. Without it, the newest version is taken
    /// when the job starts.
    pub fn register(mut self, text: &str) -> Self {
        self.which = Which::Registered(text.into());
        self
    }

    /// Writes with this schema, which the subject must have.
    pub fn existing(mut self, text: &str) -> Self {
        self.which = Which::Existing(text.into());
        self
    }

    /// Asks the registry, once; gives the schema's id. Formats that write under this subject need it before the first
    /// record.
    ///
    /// # Errors
    /// Where the registry does not know the subject or the schema, refuses it, or cannot be asked.
    pub async fn resolve(&self) -> Result<u32, Failure> {
        if let Some((id, _)) = self.resolved.get() {
            return Ok(*id);
        }
        let (client, name, kind) = (&self.registry.0.client, self.name.as_str(), self.kind);
        let (id, schema) = match &self.which {
            Which::Latest => client.latest(name).await?,
            Which::Existing(text) => (client.lookup(name, kind, text).await?, SchemaText::new(kind, text)),
            Which::Registered(text) => (client.register(name, kind, text).await?, SchemaText::new(kind, text)),
        };
        if schema.kind != kind {
            return Err(Failure::Refused(format!(
                "subject {name:?} has a schema of {:?}, not of {kind:?}",
                schema.kind
            )));
        }
        Ok(self.resolved.get_or_init(|| (id, Arc::new(schema))).0)
    }

    /// The id and the schema that [`Subject::resolve`] has found.
    ///
    /// # Errors
    /// Where it has not been called, or has failed.
    pub fn resolved(&self) -> Result<(u32, Arc<SchemaText>), String> {
        self.resolved.get().cloned().ok_or_else(|| {
            format!("subject {:?} has no schema yet: await Subject::resolve before the first record", self.name)
        })
    }
}
