//! Makes a checkpoint durable: creates its manifest, settles lost answers, and looks whether a newer attempt has begun.

use std::time::Duration;

use super::claim::{ABANDONED_MAX, Claim};
use super::error::{CheckpointError, Result};
use super::manifest::Manifest;
use super::store::{Put, StateStore};

/// How often an uncertain step is tried before the attempt must stop.
const TRIES: u32 = 4;

/// The pause before the second try; it doubles.
const PAUSE: Duration = Duration::from_millis(100);

/// How a manifest came to be durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The store said so.
    Created,
    /// The store's answer was lost; the manifest was read back.
    ReadBack,
}

impl StateStore {
    /// Makes checkpoint `manifest.number` durable. On `Ok` its committables may be committed; on `Err` they may not.
    ///
    /// The manifest must be made by [`Claim::manifest`], for a number that this attempt never committed before.
    /// [`CheckpointError::stops_the_attempt`] tells the errors after which the attempt must end from those after which
    /// the checkpoint may be abandoned: nothing was created then.
    pub async fn commit_manifest(&self, claim: &Claim, manifest: &Manifest) -> Result<Outcome> {
        check_belongs(claim, manifest)?;
        let bytes = manifest.seal()?;
        // Without this a zombie would write before it looks.
        self.check_fence(claim).await?;
        self.check_files(manifest).await?;
        let outcome = self.create(manifest, bytes).await?;
        self.check_fence_after(claim, manifest.number).await?;
        Ok(outcome)
    }

    async fn create(&self, manifest: &Manifest, bytes: bytes::Bytes) -> Result<Outcome> {
        let name = manifest.object();
        let mut pause = PAUSE;
        let mut last = None;
        for _ in 0..TRIES {
            match self.put_new(&name, bytes.clone()).await {
                Ok(Put::Created) => return Ok(if last.is_none() { Outcome::Created } else { Outcome::ReadBack }),
                Ok(Put::Exists) => {}
                Err(error @ CheckpointError::NotDurable { .. }) => return Err(error),
                Err(error) => {
                    tracing::warn!("{error}; reading back what stands there");
                    last = Some(error);
                }
            }
            match self.find(manifest.number).await {
                Ok(Some(found)) if found.nonce == manifest.nonce => return Ok(Outcome::ReadBack),
                Ok(Some(found)) => return Err(taken(&name, &found)),
                Ok(None) => {}
                Err(error) => last = Some(error),
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        let source = Box::new(last.unwrap_or_else(|| CheckpointError::Missing {
            name,
            what: "the store says that it exists, and that it does not".into(),
        }));
        Err(CheckpointError::Unresolved { number: manifest.number, source })
    }

    /// The manifest is there now, so a failure to list claims leaves open whether it counts.
    async fn check_fence_after(&self, claim: &Claim, number: u64) -> Result<()> {
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match self.check_fence(claim).await {
                Err(CheckpointError::Store { doing, source }) => {
                    tracing::warn!("cannot {doing}, trying again: {source}")
                }
                done => return done,
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        match self.check_fence(claim).await {
            Err(error @ CheckpointError::Store { .. }) => {
                Err(CheckpointError::Unresolved { number, source: Box::new(error) })
            }
            done => done,
        }
    }

    /// Every named file must be there with its length: someone may have emptied the folder under a running job.
    async fn check_files(&self, manifest: &Manifest) -> Result<()> {
        for file in &manifest.files {
            let found = self.size(&file.object()).await?;
            if found != Some(file.len) {
                let found = found.map_or("it is gone".into(), |len| format!("it has {len} bytes"));
                let what = format!("{} should have {} bytes: {found}", file.object(), file.len);
                return Err(CheckpointError::refused(manifest.object(), what));
            }
        }
        Ok(())
    }
}

fn check_belongs(claim: &Claim, manifest: &Manifest) -> Result<()> {
    let refuse = |what: String| Err(CheckpointError::refused(manifest.object(), what));
    if manifest.generation != claim.generation || manifest.incarnation != claim.incarnation {
        return refuse(format!("it is not one of attempt {}", claim.generation));
    }
    if manifest.number < claim.first_number {
        return refuse(format!("attempt {} starts with number {}", claim.generation, claim.first_number));
    }
    // The next attempt skips ABANDONED_MAX numbers; one further on would be within its range.
    let lowest = manifest.parent.map_or(0, |parent| parent.saturating_add(1)).max(claim.first_number);
    if manifest.number.saturating_sub(lowest) > ABANDONED_MAX {
        return refuse(format!("more than {ABANDONED_MAX} checkpoints in a row were abandoned"));
    }
    Ok(())
}

fn taken(name: &str, found: &Manifest) -> CheckpointError {
    let what = format!("attempt {} has written it already, and numbers are never reused", found.generation);
    CheckpointError::refused(name, what)
}
