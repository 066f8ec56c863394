//! The manifest: what checkpoint n consists of. Manifests form one linear log; the highest number is the newest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::envelope;
use super::error::{CheckpointError, Result};
use super::file::{DataName, FileRef};
use super::store::{StateStore, folder};
use crate::data::StoredSchema;
use crate::state::StoredState;

const KIND: &str = "manifest";
const SUFFIX: &str = ".manifest";

/// The version of the fields below.
pub(super) const FORMAT: u32 = 1;

/// What checkpoint `number` consists of, and of which job in which state it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of these fields.
    pub format: u32,
    /// The job.
    pub job: String,
    /// The id of the state folder, 32 hex digits.
    pub incarnation: String,
    /// The checkpoint.
    pub number: u64,
    /// The checkpoint that this one goes on from, if any.
    pub parent: Option<u64>,
    /// The attempt that wrote it.
    pub generation: u64,
    /// Random; tells this manifest from any other of the same number.
    pub nonce: String,
    /// When it was made, in milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// Whether the job has ended: every source has, and nothing is left to do.
    pub finished: bool,
    /// Whether it was written by a clean stop, after which the attempt staged nothing.
    pub closed: bool,
    /// The processing time at the cut, in milliseconds since the Unix epoch.
    pub processing_time_ms: i64,
    /// How many workers the attempt had.
    pub workers: u32,
    /// A hash of the job's graph.
    pub graph_hash: u64,
    /// The build that wrote it, for people.
    pub build: String,
    /// The job's arguments.
    pub args: serde_json::Value,
    /// The watermark of each origin, in milliseconds since the Unix epoch.
    pub origins: Vec<(String, i64)>,
    /// The operators that have state.
    pub operators: Vec<OperatorInfo>,
    /// The data files, oldest to newest. Later ones win.
    pub files: Vec<FileRef>,
}

/// An operator with state, as it was when the checkpoint was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorInfo {
    /// The operator.
    pub uid: String,
    /// What kind of operator it is, for people.
    pub kind: String,
    /// The uid under which its keyed sections stand: another one after its state was written anew under other schemas.
    pub section: String,
    /// Its keyed state, if it has any.
    pub state: Option<StoredState>,
    /// The schema of what it stages, if it is a sink.
    pub staged: Option<StoredSchema>,
    /// The schemas of its splits and of their offsets, if it is a source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub splits: Option<[StoredSchema; 2]>,
    /// What its state means beside its schemas, by name: `windows` `1m`. Judged by the operator.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
}

impl OperatorInfo {
    /// An operator without keyed state.
    #[must_use]
    pub fn new(uid: &str, kind: &str) -> Self {
        Self {
            uid: uid.into(),
            kind: kind.into(),
            section: uid.into(),
            state: None,
            staged: None,
            splits: None,
            settings: BTreeMap::new(),
        }
    }

    /// Whether it has anything in a checkpoint: what has not is nobody's loss where it is gone.
    #[must_use]
    pub fn has_anything(&self) -> bool {
        self.kind == "source" || self.state.is_some() || self.staged.is_some()
    }
}

impl Manifest {
    /// The object's name in the state folder.
    #[must_use]
    pub fn object(&self) -> String {
        object(self.number)
    }

    /// The files that this checkpoint itself wrote: only their sections that are not keyed count.
    pub fn newest_files(&self) -> impl Iterator<Item = &FileRef> {
        self.files.iter().filter(|file| file.first == self.number)
    }

    pub(super) fn seal(&self) -> Result<bytes::Bytes> {
        self.check().map_err(|what| CheckpointError::refused(self.object(), what))?;
        envelope::seal(KIND, &self.object(), self)
    }

    /// The rules of every manifest, checked before it is written and after it is read.
    fn check(&self) -> std::result::Result<(), String> {
        if self.format != FORMAT {
            return Err(format!("its format is {}, this build knows {FORMAT}", self.format));
        }
        if self.number == 0 || self.parent.is_some_and(|parent| parent >= self.number) {
            return Err("its number must be above 0 and above its parent's".into());
        }
        if self.incarnation.len() != 32 || self.nonce.is_empty() {
            return Err("it has no incarnation or no nonce".into());
        }
        let mut before: Option<&FileRef> = None;
        for file in &self.files {
            let name = DataName::parse(&file.name).ok_or_else(|| format!("`{}` is no data file", file.name))?;
            if file.first > file.last || file.last > self.number || name.number < file.last {
                return Err(format!("`{}` cannot hold the checkpoints {} to {}", file.name, file.first, file.last));
            }
            // Files of several processes cover the same checkpoints; all others follow each other.
            let follows = |old: &FileRef| file.first > old.last || (file.first, file.last) == (old.first, old.last);
            if before.is_some_and(|old| !follows(old)) {
                return Err(format!("`{}` is not in its place, files go from oldest to newest", file.name));
            }
            before = Some(file);
        }
        Ok(())
    }
}

pub(super) fn object(number: u64) -> String {
    format!("{}/{number:020}{SUFFIX}", folder::MANIFESTS)
}

impl StateStore {
    /// The numbers of all manifests, ascending.
    pub async fn numbers(&self) -> Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for name in self.list(folder::MANIFESTS).await? {
            let number = name.strip_suffix(SUFFIX).and_then(|number| number.parse().ok());
            match number.filter(|number| object(*number).ends_with(&name)) {
                Some(number) => numbers.push(number),
                None => tracing::warn!("{}/{name} in {} is no manifest", folder::MANIFESTS, self.location()),
            }
        }
        Ok(numbers)
    }

    /// The newest manifest, or `None` if there is none. If it cannot be read, says which older one could be taken.
    pub async fn latest(&self) -> Result<Option<Manifest>> {
        let Some(&number) = self.numbers().await?.last() else { return Ok(None) };
        match self.load(number).await {
            Ok(manifest) => Ok(Some(manifest)),
            Err(e) => Err(self.unreadable(number, e).await),
        }
    }

    /// Why checkpoint `number` cannot be read, and which older one could be taken. A store that does not answer says
    /// nothing of the checkpoint: another try may find it whole.
    pub async fn unreadable(&self, number: u64, source: CheckpointError) -> CheckpointError {
        if let CheckpointError::Store { .. } = source {
            return source;
        }
        let numbers = self.numbers().await.unwrap_or_default();
        let older = numbers.into_iter().rfind(|older| *older < number);
        CheckpointError::Unreadable { number, older, source: Box::new(source) }
    }

    /// The manifest of this number. Fails if there is none, and if it is damaged or another folder's.
    pub async fn load(&self, number: u64) -> Result<Manifest> {
        let name = object(number);
        let Some(manifest) = self.find(number).await? else {
            let known = self.numbers().await?;
            let what = match (known.first(), known.last()) {
                (Some(first), Some(last)) => format!("{} checkpoints are there, from {first} to {last}", known.len()),
                _ => "there is no checkpoint at all".into(),
            };
            return Err(CheckpointError::Missing { name, what });
        };
        match self.identity().await? {
            Some(identity) if identity.incarnation == manifest.incarnation => {
                self.check_not_doomed(&manifest).await?;
                Ok(manifest)
            }
            Some(_) => Err(CheckpointError::corrupt(name, 0, "it comes from another state folder")),
            None => {
                Err(CheckpointError::Missing { name: "STATE".into(), what: "manifests are there without it".into() })
            }
        }
    }

    /// The manifest of this number as it is, if there is one.
    pub(super) async fn find(&self, number: u64) -> Result<Option<Manifest>> {
        let name = object(number);
        let Some(bytes) = self.get(&name, envelope::OBJECT_MAX).await? else { return Ok(None) };
        let manifest: Manifest = envelope::open(KIND, &name, &bytes)?;
        manifest.check().map_err(|what| CheckpointError::corrupt(&name, 0, what))?;
        if manifest.number != number {
            return Err(CheckpointError::corrupt(name, 0, format!("it is the manifest of {}", manifest.number)));
        }
        Ok(Some(manifest))
    }
}
