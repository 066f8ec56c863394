//! Copies a checkpoint into a location of its own, from which another job may go on.

use bytes::Bytes;

use super::chance::{now_ms, random_id};
use super::envelope;
use super::error::{CheckpointError, Result};
use super::identity::Identity;
use super::manifest::Manifest;
use super::restore::Snapshot;
use super::store::{Put, StateStore};
use super::upload::Upload;

/// So much of a data file is copied at once, in bytes.
const STEP: u64 = 4 << 20;

impl StateStore {
    /// Copies checkpoint `number` to `to`, which must hold no state, and reads all of it back there.
    ///
    /// The copy is a state of its own: it has another incarnation, so what outside systems remember of this one counts as
    /// absent for it.
    ///
    /// # Errors
    /// Where the checkpoint is damaged, the other location holds state, or it cannot be written.
    pub async fn export(&self, number: u64, to: &StateStore) -> Result<Manifest> {
        let manifest = self.load(number).await?;
        Snapshot::open(self, manifest.clone()).await?.verify().await?;
        if to.identity().await?.is_some() || !to.numbers().await?.is_empty() {
            return Err(CheckpointError::Location {
                location: to.location().into(),
                what: "it holds state already; export to an empty place".into(),
            });
        }
        to.self_test().await?;
        for file in &manifest.files {
            self.copy(&file.object(), file.len, to).await?;
        }
        let identity = Identity { job: manifest.job.clone(), incarnation: random_id(), created_ms: now_ms() };
        let copy = Manifest { incarnation: identity.incarnation.clone(), parent: None, nonce: random_id(), ..manifest };
        to.place(super::identity::NAME, identity.seal()?).await?;
        to.place(&copy.object(), copy.seal()?).await?;
        Snapshot::open(to, to.load(number).await?).await?.verify().await?;
        Ok(copy)
    }

    async fn copy(&self, object: &str, len: u64, to: &StateStore) -> Result<()> {
        let mut upload = Upload::new(to.clone(), object.into());
        let mut at = 0;
        while at < len {
            let range = at..len.min(at + STEP);
            for part in self.get_ranges(object, std::slice::from_ref(&range)).await? {
                upload.write(&part).await?;
            }
            at = range.end;
        }
        upload.finish().await
    }

    async fn place(&self, object: &str, bytes: Bytes) -> Result<()> {
        match self.put_new(object, bytes).await? {
            Put::Created => Ok(()),
            Put::Exists => Err(CheckpointError::refused(object, "somebody else has just written it")),
        }
    }
}

impl Identity {
    fn seal(&self) -> Result<Bytes> {
        envelope::seal(super::identity::KIND, super::identity::NAME, self)
    }
}
