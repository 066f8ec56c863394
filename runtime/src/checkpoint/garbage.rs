//! What an attempt is about to delete, said before it does: so that nobody goes on from it meanwhile.
//!
//! A process may stand still between its decision and its deletes, for hours. So it creates an intent, then looks for newer
//! claims, then for checkpoints that users keep, and then deletes. A newer attempt claims, and then looks for intents. Either
//! the one sees the claim and deletes nothing, or the other sees the intent and does not go on from what it names. An intent
//! stays until its deletes are done; the next attempt does those of one that was killed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::chance::random_id;
use super::envelope;
use super::error::{CheckpointError, Result};
use super::manifest::{Manifest, object as manifest_object};
use super::store::{StateStore, folder};

const KIND: &str = "garbage";

/// The manifests and data files that one attempt deletes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Intent {
    pub(super) generation: u64,
    pub(super) manifests: BTreeSet<u64>,
    pub(super) files: BTreeSet<String>,
}

impl Intent {
    pub(super) fn is_empty(&self) -> bool {
        self.manifests.is_empty() && self.files.is_empty()
    }

    fn names(&self, manifest: &Manifest) -> bool {
        self.manifests.contains(&manifest.number) || manifest.files.iter().any(|file| self.files.contains(&file.name))
    }
}

impl StateStore {
    /// Says what is about to be deleted. Gives the object that says it.
    pub(super) async fn intend(&self, intent: &Intent) -> Result<String> {
        let name = format!("{}/{:020}-{}", folder::GARBAGE, intent.generation, random_id());
        self.put_new(&name, envelope::seal(KIND, &name, intent)?).await?;
        Ok(name)
    }

    /// What attempts are about to delete, or were when they ended, by the object that says it.
    pub(super) async fn intents(&self) -> Result<Vec<(String, Intent)>> {
        let mut intents = Vec::new();
        for name in self.list(folder::GARBAGE).await? {
            let name = format!("{}/{name}", folder::GARBAGE);
            let Some(bytes) = self.get(&name, envelope::OBJECT_MAX).await? else { continue };
            match envelope::open(KIND, &name, &bytes) {
                Ok(intent) => intents.push((name, intent)),
                // What it names is deleted, or not; the checkpoints that were chosen are verified anyway.
                Err(e) => tracing::warn!("skipped: {e}"),
            }
        }
        Ok(intents)
    }

    /// Fails if an attempt is about to delete this checkpoint, or a file of it.
    pub(super) async fn check_not_doomed(&self, manifest: &Manifest) -> Result<()> {
        self.check_intents(manifest.number, |intent| intent.names(manifest)).await
    }

    /// Fails if an attempt is about to delete this checkpoint.
    pub(super) async fn check_number_not_doomed(&self, number: u64) -> Result<()> {
        self.check_intents(number, |intent| intent.manifests.contains(&number)).await
    }

    async fn check_intents(&self, number: u64, is_named: impl Fn(&Intent) -> bool) -> Result<()> {
        match self.intents().await?.into_iter().find(|(_, intent)| is_named(intent)) {
            None => Ok(()),
            Some((_, intent)) => Err(CheckpointError::Missing {
                name: manifest_object(number),
                what: format!("attempt {} has begun to delete it", intent.generation),
            }),
        }
    }

    /// Deletes what an intent names, and then the intent. Manifests go first, so that none that is left names a file that is
    /// gone.
    pub(super) async fn fulfil(&self, object: &str, intent: &Intent) -> Result<()> {
        for number in &intent.manifests {
            self.delete(&manifest_object(*number)).await?;
        }
        for file in &intent.files {
            self.delete(&format!("{}/{file}", folder::DATA)).await?;
        }
        self.delete(object).await
    }
}
