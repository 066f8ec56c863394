//! A client of schema registries that speak Confluent's API: Confluent's own, Karapace, Apicurio, Redpanda.
//!
//! ```text
//! GET  URL/schemas/ids/7                the schema of an id that a record carries
//! GET  URL/subjects/S/versions/latest   the newest schema of a subject
//! POST URL/subjects/S                   the id of a schema that the subject has
//! POST URL/subjects/S/versions          adds a schema to the subject; gives its id
//! ```
mod cache;
mod client;
mod options;
mod subject;
mod wire;

pub use client::Failure;
pub use options::RegistryOptions;
pub use subject::Subject;
pub use wire::{SchemaKind, SchemaText};

use crate::confluent;
use crate::look_ahead::{Ahead, LookAhead};
use cache::{Cache, Found};
use client::Client;
use millstream_runtime::Result;
use millstream_runtime::data::Bytes;
use millstream_runtime::source::{Reader, Received, Source};
use std::fmt;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::runtime::Handle;

/// An id that the registry does not know is asked for again after so long: a follower may lag behind.
const UNKNOWN_FOR: Duration = Duration::from_secs(60);

/// A schema registry. Clones share connections and the schemas that were fetched.
///
/// ```no_run
/// use millstream_formats::SchemaRegistry;
/// let registry = SchemaRegistry::at("https://registry:8081").basic_auth("me", "secret").open()?;
/// # let _ = registry;
/// # Ok::<(), String>(())
/// ```
#[derive(Clone)]
pub struct SchemaRegistry(Arc<Parts>);

struct Parts {
    client: Client,
    cache: Cache,
}

/// Says only where it is: never who asks.
impl fmt::Debug for SchemaRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SchemaRegistry({})", self.0.client.url())
    }
}

impl SchemaRegistry {
    /// The registry at this URL, which may have a path: `http://host:8080/apis/ccompat/v7`.
    pub fn at(url: &str) -> RegistryOptions {
        RegistryOptions::at(url)
    }

    fn with(client: Client) -> Self {
        Self(Arc::new(Parts { client, cache: Cache::default() }))
    }

    /// A source whose records leave when the schemas that they name are known: what formats that ask this registry read.
    pub fn ahead<S: Source>(&self, source: S) -> Ahead<S>
    where
        S::Reader: Reader<Item = Received<Bytes>>,
    {
        Ahead::new(source, Some(Arc::new(self.clone())))
    }

    /// Where the schema of a sink's records is known under a name: `orders-value` for the values of topic `orders`.
    pub fn subject(&self, name: &str, kind: SchemaKind) -> Subject {
        Subject::new(self.clone(), name, kind)
    }

    /// The schema of an id, if it has been fetched.
    ///
    /// # Errors
    /// Where it has not, or the registry does not know it.
    pub fn known(&self, id: u32) -> Result<Arc<SchemaText>, String> {
        match self.0.cache.find(id) {
            Some(Found::Known(schema)) => Ok(schema),
            Some(Found::Unknown(why)) => Err(format!("schema {id}: {why}")),
            _ => Err(format!("schema {id} has not been fetched: read the source through SchemaRegistry::ahead")),
        }
    }

    /// Fetches the schema of an id, if that has not been done.
    ///
    /// # Errors
    /// Where the registry does not know it, or cannot be asked.
    pub async fn fetch(&self, id: u32) -> Result<Arc<SchemaText>, Failure> {
        if let Some(Found::Known(schema)) = self.0.cache.find(id) {
            return Ok(schema);
        }
        let schema = Arc::new(self.0.client.schema(id).await?);
        self.0.cache.learn(id, Found::Known(Arc::clone(&schema)));
        Ok(schema)
    }

    /// Fetches a schema beside the workers, and notes what came of it.
    fn fetch_beside(&self, id: u32, tokio: &Handle) {
        let registry = self.clone();
        tokio.spawn(async move {
            match registry.fetch(id).await {
                Ok(_) => {}
                Err(Failure::NotFound(why)) => {
                    registry.0.cache.learn(id, Found::Unknown(why.into()));
                    tokio::time::sleep(UNKNOWN_FOR).await;
                    registry.0.cache.forget(id);
                }
                Err(other) => registry.0.cache.learn(id, Found::Failed(other.to_string().into())),
            }
        });
    }
}

impl LookAhead for SchemaRegistry {
    fn poll_ready(&self, record: &[u8]) -> Poll<Result<()>> {
        let Ok((id, _)) = confluent::split(record) else { return Poll::Ready(Ok(())) };
        match self.0.cache.ask(id) {
            Ok(Some(Found::Known(_) | Found::Unknown(_))) => Poll::Ready(Ok(())),
            Ok(Some(Found::Fetching)) => Poll::Pending,
            Ok(Some(Found::Failed(why))) => Poll::Ready(Err(format!("schema {id}: {why}").into())),
            Ok(None) => match Handle::try_current() {
                Ok(tokio) => {
                    self.fetch_beside(id, &tokio);
                    Poll::Pending
                }
                Err(e) => Poll::Ready(Err(format!("schema {id} cannot be fetched: {e}").into())),
            },
            Err(full) => Poll::Ready(Err(full.into())),
        }
    }
}
