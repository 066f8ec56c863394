//! Claims: which attempt may write checkpoints, and under which numbers.
//!
//! Why the log of manifests is linear. An attempt creates its claim first and lists manifests after; whoever creates
//! a manifest lists claims after. So if attempt A does not see the claim of B when it has created manifest n, then B
//! sees n when it lists. If A does see it, A is fenced: it commits nothing outside under n. Its manifest n may stay in
//! the log, and may even appear late, when its request was long on the way. That does no harm: B's first number
//! lies above every number that A may still use, so B's first manifest is newer than n and n is never the newest again;
//! and until B has a manifest, nothing of B is visible outside, so an attempt after B may as well go on from n.

use serde::{Deserialize, Serialize};

use super::chance::{now_ms, random_id};
use super::envelope;
use super::error::{CheckpointError, Result};
use super::manifest::{FORMAT, Manifest};
use super::store::{Put, StateStore, folder};

const KIND: &str = "claim";

/// How many checkpoints in a row an attempt may abandon; after that many it must stop.
///
/// An attempt that starts after a crash skips this many numbers, because the one before may have staged output under them.
pub const ABANDONED_MAX: u64 = 16;

/// How often a generation is tried before the attempt gives up.
const TRIES: u32 = 64;

/// The newest claims are never collected, this many of them.
pub(super) const CLAIMS_KEPT: usize = 128;

/// A claim that is overtaken by more than this may have taken the name of a collected one, so it is not used.
const OVERTAKEN_MAX: u64 = 64;

/// The right of one attempt to write checkpoints, until a newer one claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The job.
    pub job: String,
    /// The number of this attempt; a higher one fences it.
    pub generation: u64,
    /// The id of the state folder.
    pub incarnation: String,
    /// The number of this attempt's first checkpoint; no attempt before has used it or a higher one.
    pub first_number: u64,
}

/// What stands in a claim's object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stored {
    generation: u64,
    first_number: u64,
    nonce: String,
    claimed_ms: u64,
}

/// What the numbers of a new attempt follow from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Known {
    /// The highest manifest, and whether the attempt that wrote it ended there.
    manifest: Option<(u64, bool)>,
    /// The first number of the newest claim; those of older claims are lower.
    claimed: Option<u64>,
}

impl Known {
    /// The first number that no attempt can have used.
    fn first_free(self) -> u64 {
        match (self.manifest, self.claimed) {
            (None, None) => 1,
            (Some((number, true)), claimed) if claimed.is_none_or(|first| first <= number) => number + 1,
            (manifest, claimed) => {
                manifest.map_or(0, |(number, _)| number).max(claimed.unwrap_or(0)) + ABANDONED_MAX + 2
            }
        }
    }
}

impl Claim {
    /// A manifest of this attempt with nothing in it, for the caller to fill.
    #[must_use]
    pub fn manifest(&self, number: u64) -> Manifest {
        Manifest {
            format: FORMAT,
            job: self.job.clone(),
            incarnation: self.incarnation.clone(),
            number,
            parent: None,
            generation: self.generation,
            nonce: random_id(),
            created_ms: now_ms(),
            finished: false,
            closed: false,
            processing_time_ms: 0,
            workers: 0,
            graph_hash: 0,
            build: String::new(),
            args: serde_json::Value::Null,
            origins: Vec::new(),
            operators: Vec::new(),
            files: Vec::new(),
        }
    }
}

impl StateStore {
    /// Begins an attempt to run `job`, which fences every older one.
    ///
    /// Tests the store first. Fails if the state is another job's, if the newest manifest or claim is damaged, and
    /// if other attempts are always faster. List manifests after this, never before.
    pub async fn claim(&self, job: &str) -> Result<Claim> {
        self.claim_if(job, |_| true).await
    }

    /// The same, but only if nobody has claimed since `newest` was the newest claim: a process that was stopped for a while
    /// must not fence the attempt that has taken its place.
    ///
    /// # Errors
    /// In addition [`CheckpointError::Fenced`].
    pub async fn claim_after(&self, job: &str, newest: Option<u64>) -> Result<Claim> {
        self.claim_if(job, |now| now == newest).await
    }

    async fn claim_if(&self, job: &str, may: impl Fn(Option<u64>) -> bool) -> Result<Claim> {
        self.self_test().await?;
        let incarnation = self.bind(job).await?.incarnation;
        for _ in 0..TRIES {
            let newest = self.newest_claim().await?;
            if !may(newest) {
                let by = newest.unwrap_or(0);
                return Err(CheckpointError::Fenced { generation: by.saturating_sub(1), by });
            }
            let known = self.known(newest).await?;
            let generation = newest.unwrap_or(0) + 1;
            let first_number = known.first_free();
            if self.try_claim(generation, first_number).await? && self.still_holds(generation, first_number).await? {
                return Ok(Claim { job: job.into(), generation, incarnation, first_number });
            }
        }
        Err(CheckpointError::Contended { tries: TRIES })
    }

    /// The highest generation that was claimed.
    pub async fn newest_claim(&self) -> Result<Option<u64>> {
        Ok(self.generations().await?.last().copied())
    }

    /// All generations whose claims are there, ascending.
    pub(super) async fn generations(&self) -> Result<Vec<u64>> {
        let names = self.list(folder::CLAIMS).await?;
        Ok(names.iter().filter_map(|name| name.parse().ok().filter(|g| object(*g).ends_with(name))).collect())
    }

    /// Fails if a newer attempt has claimed.
    pub async fn check_fence(&self, claim: &Claim) -> Result<()> {
        match self.newest_claim().await? {
            Some(by) if by > claim.generation => Err(CheckpointError::Fenced { generation: claim.generation, by }),
            _ => Ok(()),
        }
    }

    async fn try_claim(&self, generation: u64, first_number: u64) -> Result<bool> {
        let name = object(generation);
        let stored = Stored { generation, first_number, nonce: random_id(), claimed_ms: now_ms() };
        match self.put_new(&name, envelope::seal(KIND, &name, &stored)?).await {
            Ok(Put::Created) => Ok(true),
            Ok(Put::Exists) => Ok(self.read_claim(generation).await? == Some(stored)),
            Err(error @ CheckpointError::NotDurable { .. }) => Err(error),
            // The answer may be lost: what stands there now says who has it.
            Err(error) if self.read_claim(generation).await? == Some(stored) => {
                tracing::warn!("{error}, but {name} is there");
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the claim is good against what is listed only now: manifests that the attempt before created meanwhile.
    async fn still_holds(&self, generation: u64, first_number: u64) -> Result<bool> {
        let newest = self.newest_claim().await?.unwrap_or(0);
        let before = Known { claimed: None, ..self.known(None).await? };
        Ok(before.first_free() <= first_number && newest <= generation + OVERTAKEN_MAX)
    }

    async fn known(&self, newest_claim: Option<u64>) -> Result<Known> {
        let manifest = match self.numbers().await?.last() {
            Some(&number) => Some((number, self.ended_with(number).await?)),
            None => None,
        };
        let claimed = match newest_claim {
            Some(generation) => Some(self.claimed_up_to(generation, manifest.map_or(0, |(number, _)| number)).await?),
            None => None,
        };
        Ok(Known { manifest, claimed })
    }

    /// Whether an attempt ended cleanly with this manifest. A damaged one does not say so, but must not bar `--restore`.
    async fn ended_with(&self, number: u64) -> Result<bool> {
        match self.find(number).await {
            Ok(found) => Ok(found.is_some_and(|found| found.closed || found.finished)),
            Err(CheckpointError::Corrupt { name, what, .. }) => {
                tracing::warn!("{name} is damaged: {what}");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// The first number of the newest claim, or a bound for it if that claim is damaged: what the next older readable
    /// claim and the highest manifest allow it to have been.
    async fn claimed_up_to(&self, generation: u64, highest: u64) -> Result<u64> {
        let older = self.generations().await?.into_iter().rev().skip_while(|g| *g > generation);
        let mut bound = 0;
        for generation in older {
            match self.read_claim(generation).await {
                Ok(Some(stored)) if bound == 0 => return Ok(stored.first_number),
                Ok(Some(stored)) => return Ok(stored.first_number.max(highest) + bound),
                Ok(None) => {}
                Err(CheckpointError::Corrupt { name, what, .. }) => {
                    tracing::warn!("{name} is damaged, skipping numbers: {what}");
                    bound += ABANDONED_MAX + 2;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(highest + bound)
    }

    async fn read_claim(&self, generation: u64) -> Result<Option<Stored>> {
        let name = object(generation);
        let Some(bytes) = self.get(&name, envelope::OBJECT_MAX).await? else { return Ok(None) };
        envelope::open(KIND, &name, &bytes).map(Some)
    }
}

pub(super) fn object(generation: u64) -> String {
    format!("{}/{generation:020}", folder::CLAIMS)
}
