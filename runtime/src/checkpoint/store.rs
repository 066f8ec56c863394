//! The state's location: a folder or an object store, and the few requests that checkpoints make of it.

use std::fmt;
use std::ops::Range;
use std::path::Path as FsPath;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{Error as StoreError, GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutPayload, WriteMultipart};

use super::chance::random_id;
use super::error::{CheckpointError, Result};
use super::identity::Identity;
use super::location::{Location, create_folder};

/// The folders of a state location. On disk: never rename.
pub(super) mod folder {
    pub(in crate::checkpoint) const MANIFESTS: &str = "manifests";
    pub(in crate::checkpoint) const CLAIMS: &str = "claims";
    pub(in crate::checkpoint) const DATA: &str = "data";
    pub(in crate::checkpoint) const KEEP: &str = "keep";
    pub(in crate::checkpoint) const REQUESTS: &str = "requests";
    pub(in crate::checkpoint) const GARBAGE: &str = "garbage";
    pub(in crate::checkpoint) const TRIALS: &str = "trials";
}

/// The size of one part of a large upload, in bytes; object stores want at least 5 MiB.
const PART: usize = 8 << 20;

/// Where one job keeps its checkpoints. Clones share everything.
#[derive(Clone)]
pub struct StateStore {
    inner: Arc<Inner>,
}

struct Inner {
    objects: Arc<dyn ObjectStore>,
    name: String,
    /// As far as it is known where the objects are.
    location: Option<Location>,
    identity: OnceLock<Identity>,
}

/// Whether an object was created or its name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    Created,
    Exists,
}

impl StateStore {
    /// Opens the state in a folder, which is created if it is missing (a path or `file:///path`), or in an object
    /// store: `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`, with credentials, region and endpoint
    /// from the environment (`AWS_*`, `GOOGLE_*`, `AZURE_*`). Sends no request yet.
    ///
    /// Fails, naming the location, if the folder cannot be created, and for what is neither.
    pub async fn open(location: &str) -> Result<Self> {
        if let Some(folder) = Location::parse(location)?.folder() {
            create_folder(location, folder.into()).await?;
        }
        Self::open_existing(location).await
    }

    /// As [`StateStore::open`], but a folder must exist: for commands that only look.
    pub async fn open_existing(location: &str) -> Result<Self> {
        let parsed = Location::parse(location)?;
        let objects = parsed.objects().map_err(|e| CheckpointError::Location {
            location: location.into(),
            what: match parsed.folder() {
                Some(_) => format!("no such folder ({e})"),
                None => format!("{e}; credentials, region and endpoint come from the environment"),
            },
        })?;
        let inner = Inner { objects, name: location.into(), location: Some(parsed), identity: OnceLock::new() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Keeps state in any object store. It must be able to create an object only if the name is free.
    ///
    /// `location` is used in messages only.
    #[must_use]
    pub fn over(objects: Arc<dyn ObjectStore>, location: impl Into<String>) -> Self {
        let inner = Inner { objects, name: location.into(), location: None, identity: OnceLock::new() };
        Self { inner: Arc::new(inner) }
    }

    /// The location as the user gave it.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.inner.name
    }

    /// Tries whether the store refuses to create one name twice, which all of fencing stands on.
    ///
    /// [`StateStore::claim`] does this before anything else. Fails if the second create succeeds, or changes the object.
    pub async fn self_test(&self) -> Result<()> {
        let name = format!("{}/{}", folder::TRIALS, random_id());
        let tried = self.create_twice(&name).await;
        let deleted = self.delete(&name).await;
        match tried.map_err(|e| self.not_permitted(e))? {
            None => deleted,
            Some(what) => Err(CheckpointError::Location {
                location: self.location().into(),
                what: format!(
                    "{what}, when one name was created twice, and the second create must be refused: two attempts could \
                     overwrite each other's checkpoints here, use another store"
                ),
            }),
        }
    }

    /// What is wrong with the store. The first create may seem to be refused: a client sends it again where the answer
    /// to it was lost.
    async fn create_twice(&self, name: &str) -> Result<Option<String>> {
        let first = self.put_new(name, Bytes::from_static(b"first")).await?;
        let second = self.put_new(name, Bytes::from_static(b"second")).await?;
        let there = self.get(name, 64).await?;
        Ok(match (second, there.as_deref()) {
            (Put::Exists, Some(b"first")) => None,
            (_, there) => Some(format!(
                "it answered {first:?} and {second:?} and then held {:?}",
                there.map(String::from_utf8_lossy)
            )),
        })
    }

    /// What no other try will change.
    fn not_permitted(&self, e: CheckpointError) -> CheckpointError {
        match &e {
            CheckpointError::Store { source, .. } if is_not_permitted(source) => CheckpointError::Location {
                location: self.location().into(),
                what: format!("nothing can be written there ({source}); give it the right, or --state another place"),
            },
            _ => e,
        }
    }

    pub(super) fn identity_cell(&self) -> &OnceLock<Identity> {
        &self.inner.identity
    }

    /// Whether each request goes over a network.
    pub fn is_remote(&self) -> bool {
        matches!(self.inner.location, Some(Location::Remote(_)))
    }

    /// The folder on this machine, if the state is in one.
    pub(super) fn root(&self) -> Option<&FsPath> {
        self.inner.location.as_ref().and_then(Location::folder)
    }

    /// Creates the object if its name is free.
    pub(super) async fn put_new(&self, name: &str, bytes: impl Into<PutPayload> + Send) -> Result<Put> {
        match self.inner.objects.put_opts(&Path::from(name), bytes.into(), PutMode::Create.into()).await {
            Ok(_) => Ok(Put::Created),
            Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => Ok(Put::Exists),
            Err(source) => Err(write_error(name, source)),
        }
    }

    /// Begins an upload in parts. Only for names that nobody else writes: it replaces what is there.
    pub(super) async fn put_parts(&self, name: &str) -> Result<WriteMultipart> {
        let upload = self.inner.objects.put_multipart(&Path::from(name)).await.map_err(|e| write_error(name, e))?;
        Ok(WriteMultipart::new_with_chunk_size(upload, PART))
    }

    /// The whole object, or `None` if there is none. Refuses one of more than `max` bytes before reading it.
    pub(super) async fn get(&self, name: &str, max: u64) -> Result<Option<Bytes>> {
        let found = match self.inner.objects.get(&Path::from(name)).await {
            Ok(found) => found,
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(source) => return Err(read_error(name, source)),
        };
        if found.meta.size > max {
            return Err(CheckpointError::TooLarge { name: name.into(), len: found.meta.size, max });
        }
        found.bytes().await.map(Some).map_err(|e| read_error(name, e))
    }

    /// The length of the object, or `None` if there is none.
    pub(super) async fn size(&self, name: &str) -> Result<Option<u64>> {
        match self.inner.objects.head(&Path::from(name)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(source) => Err(read_error(name, source)),
        }
    }

    /// Parts of an object that exists.
    pub(super) async fn get_ranges(&self, name: &str, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.objects.get_ranges(&Path::from(name), ranges).await.map_err(|e| read_error(name, e))
    }

    /// The first `len` bytes of an object and its whole length, or `None` if there is none.
    pub(super) async fn get_head(&self, name: &str, len: u64) -> Result<Option<(Bytes, u64)>> {
        let options = GetOptions::new().with_range(Some(0..len));
        match self.inner.objects.get_opts(&Path::from(name), options).await {
            Ok(found) => {
                let size = found.meta.size;
                Ok(Some((found.bytes().await.map_err(|e| read_error(name, e))?, size)))
            }
            Err(StoreError::NotFound { .. }) => Ok(None),
            // Of an empty object stores refuse every range.
            Err(source) => match self.size(name).await? {
                Some(0) => Ok(Some((Bytes::new(), 0))),
                _ => Err(read_error(name, source)),
            },
        }
    }

    /// The names in a folder, without the folder, sorted.
    pub(super) async fn list(&self, folder: &str) -> Result<Vec<String>> {
        let found: Vec<_> = self
            .inner
            .objects
            .list(Some(&Path::from(folder)))
            .try_collect()
            .await
            .map_err(|source| CheckpointError::Store { doing: format!("list {folder}/"), source })?;
        let mut names: Vec<_> = found.iter().filter_map(|meta| meta.location.filename().map(String::from)).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Deletes the object; one that is not there counts as deleted.
    pub(super) async fn delete(&self, name: &str) -> Result<()> {
        match self.inner.objects.delete(&Path::from(name)).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(source) => Err(CheckpointError::Store { doing: format!("delete {name}"), source }),
        }
    }
}

impl fmt::Debug for StateStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StateStore({})", self.location())
    }
}

fn read_error(name: &str, source: StoreError) -> CheckpointError {
    CheckpointError::Store { doing: format!("read {name}"), source }
}

/// Tells a failed fsync from a failed write. `object_store` has no public type for it, only these texts: it says "sync"
/// for a file, and "rename" when the entry in the folder could not be published or forced to the disk.
pub(super) fn write_error(name: &str, source: StoreError) -> CheckpointError {
    let text = source.to_string();
    if text.contains("Unable to sync data to disk") || text.contains("Unable to rename file") {
        return CheckpointError::NotDurable { name: name.into(), source };
    }
    CheckpointError::Store { doing: format!("write {name}"), source }
}

/// Whether a file system refuses for good.
fn is_not_permitted(e: &StoreError) -> bool {
    let causes = std::iter::successors(std::error::Error::source(e), |cause| cause.source());
    causes
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|e| matches!(e.kind(), std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem))
}
