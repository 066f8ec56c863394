//! The `STATE` object: which job a state location belongs to, and its random id.

use serde::{Deserialize, Serialize};

use super::chance::{now_ms, random_id};
use super::envelope;
use super::error::{CheckpointError, Result};
use super::store::StateStore;

pub(super) const NAME: &str = "STATE";
pub(super) const KIND: &str = "state";

/// Whose state a location holds. Written once, at the first start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Identity {
    /// The job.
    pub job: String,
    /// 32 random hex digits. What outside systems remember of another incarnation counts as absent.
    pub incarnation: String,
    /// When it was made, in milliseconds since the Unix epoch.
    pub created_ms: u64,
}

impl StateStore {
    /// Whose state this is, or `None` before the first start.
    pub async fn identity(&self) -> Result<Option<Identity>> {
        if let Some(known) = self.identity_cell().get() {
            return Ok(Some(known.clone()));
        }
        let Some(bytes) = self.get(NAME, envelope::OBJECT_MAX).await? else { return Ok(None) };
        let identity: Identity = envelope::open(KIND, NAME, &bytes)?;
        Ok(Some(self.identity_cell().get_or_init(|| identity).clone()))
    }

    /// Makes this the state of `job`, unless it is that already. Fails, naming both, if it is another job's.
    pub async fn bind(&self, job: &str) -> Result<Identity> {
        if self.identity().await?.is_none() {
            let fresh = Identity { job: job.into(), incarnation: random_id(), created_ms: now_ms() };
            // Whoever was first has written it; the answer is read back either way.
            self.put_new(NAME, envelope::seal(KIND, NAME, &fresh)?).await?;
        }
        let found = self.identity().await?.ok_or_else(|| CheckpointError::Missing {
            name: NAME.into(),
            what: "it was just written; is something emptying the folder?".into(),
        })?;
        if found.job != job {
            let location = self.location().into();
            return Err(CheckpointError::OtherJob { location, found: found.job, wanted: job.into() });
        }
        Ok(found)
    }
}
