//! Garbage collection: `plan` decides from what the kept manifests name, `collect` deletes.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use super::claim::{CLAIMS_KEPT, Claim, object as claim_object};
use super::error::{CheckpointError, Result};
use super::file::DataName;
use super::garbage::Intent;
use super::requests::ANSWERED_KEPT;
use super::store::{StateStore, folder};

/// What a collection deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collected {
    /// Numbers of deleted manifests.
    pub manifests: Vec<u64>,
    /// Names of deleted data files.
    pub files: Vec<String>,
}

/// Everything that a collection decides from.
#[derive(Debug)]
struct Marks<'a> {
    /// The numbers of all manifests, ascending.
    numbers: &'a [u64],
    /// How many of the newest stay.
    newest: usize,
    /// Numbers that a user keeps.
    kept: &'a BTreeSet<u64>,
}

impl Marks<'_> {
    /// The oldest of the newest manifests.
    fn oldest_of_newest(&self) -> u64 {
        let from = self.numbers.len().saturating_sub(self.newest.max(1));
        self.numbers.get(from).copied().unwrap_or(0)
    }

    fn stays(&self, number: u64) -> bool {
        number >= self.oldest_of_newest() || self.kept.contains(&number)
    }

    fn dead(&self, generation: u64) -> Dead {
        let newest = self.numbers.last().copied().unwrap_or(0);
        Dead { below: self.oldest_of_newest(), newest, generation }
    }
}

/// Which files can be named by nobody any more, if no manifest that stays names them.
///
/// Those above the newest manifest belong to a checkpoint in progress. Those of this attempt since the oldest of the newest
/// manifests may belong to a checkpoint that was abandoned half way. A zombie's manifest may still come to name a file
/// that is deleted here; it is not the newest then, and is never taken.
#[derive(Debug, Clone, Copy)]
struct Dead {
    below: u64,
    newest: u64,
    generation: u64,
}

impl Dead {
    fn holds(&self, file: &DataName) -> bool {
        file.number < self.below || (file.generation < self.generation && file.number <= self.newest)
    }
}

impl StateStore {
    /// Deletes manifests but the `newest` ones and those kept by a user, and data files that nothing names any more.
    ///
    /// `in_use` holds the names of files that no manifest names yet but one will: those of merges under way. Does
    /// nothing before this attempt's first manifest. Fails, and deletes nothing, if the attempt is fenced or a
    /// manifest that stays cannot be read.
    pub async fn collect(&self, claim: &Claim, newest: usize, in_use: &BTreeSet<String>) -> Result<Collected> {
        let numbers = self.numbers().await?;
        let kept: BTreeSet<u64> = self.kept().await?.iter().map(|kept| kept.number).collect();
        let marks = Marks { numbers: &numbers, newest, kept: &kept };
        let Some(named) = self.named(&marks, claim).await? else { return Ok(Collected::default()) };
        let dead = marks.dead(claim.generation);
        self.fulfil_left(&marks, &named, in_use).await?;
        let mut intent = Intent { generation: claim.generation, ..Intent::default() };
        intent.manifests.extend(numbers.iter().copied().filter(|number| !marks.stays(*number)));
        for name in self.list(folder::DATA).await? {
            let Some(file) = DataName::parse(&name) else { continue };
            if dead.holds(&file) && !named.contains(&name) && !in_use.contains(&name) {
                intent.files.insert(name);
            }
        }
        if !intent.is_empty() {
            intent = self.delete_as_intended(claim, intent).await?;
        }
        self.collect_small(dead).await?;
        Ok(Collected { manifests: intent.manifests.into_iter().collect(), files: intent.files.into_iter().collect() })
    }

    /// Says it, looks whether it may, and does it. A newer attempt may restore an old checkpoint that we would delete, or a
    /// user keep it: whoever does so after this looks at the intent.
    async fn delete_as_intended(&self, claim: &Claim, mut intent: Intent) -> Result<Intent> {
        let object = self.intend(&intent).await?;
        if let Err(e) = self.check_fence(claim).await {
            self.delete(&object).await?;
            return Err(e);
        }
        for kept in self.kept().await? {
            if intent.manifests.remove(&kept.number)
                && let Some(manifest) = self.find(kept.number).await?
            {
                intent.files.retain(|name| manifest.files.iter().all(|file| file.name != *name));
            }
        }
        self.fulfil(&object, &intent).await?;
        Ok(intent)
    }

    /// Does what attempts that are gone had begun. What this attempt needs is none of it: those of them that could still
    /// delete it had said so before its claim, and then it is not needed.
    async fn fulfil_left(&self, marks: &Marks<'_>, named: &BTreeSet<String>, in_use: &BTreeSet<String>) -> Result<()> {
        let newest = marks.numbers.last().copied();
        for (object, mut intent) in self.intents().await? {
            intent.manifests.retain(|number| !marks.kept.contains(number) && Some(*number) != newest);
            intent.files.retain(|file| !named.contains(file) && !in_use.contains(file));
            self.fulfil(&object, &intent).await?;
        }
        Ok(())
    }

    /// The files of all manifests that stay; `None` if the newest one is not this attempt's.
    async fn named(&self, marks: &Marks<'_>, claim: &Claim) -> Result<Option<BTreeSet<String>>> {
        let mut named = BTreeSet::new();
        let mut generation = None;
        for &number in marks.numbers.iter().filter(|number| marks.stays(**number)) {
            let Some(manifest) = self.find(number).await? else { continue };
            generation = Some(manifest.generation);
            named.extend(manifest.files.into_iter().map(|file| file.name));
        }
        Ok((generation == Some(claim.generation)).then_some(named))
    }

    async fn collect_small(&self, dead: Dead) -> Result<()> {
        let generations = self.generations().await?;
        for generation in generations.iter().rev().skip(CLAIMS_KEPT) {
            self.delete(&claim_object(*generation)).await?;
        }
        self.collect_answered(ANSWERED_KEPT).await?;
        self.collect_staged(dead).await
    }

    /// A process that is killed while it writes leaves `<name>#<n>` in a local folder, which the store does not list.
    async fn collect_staged(&self, dead: Dead) -> Result<()> {
        let Some(data) = self.root().map(|root| root.join(folder::DATA)) else { return Ok(()) };
        let swept = tokio::task::spawn_blocking(move || sweep(&data, dead)).await.map_err(std::io::Error::other);
        match swept.flatten() {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(CheckpointError::Location {
                location: self.location().into(),
                what: format!("half-written files cannot be deleted: {e}"),
            }),
            _ => Ok(()),
        }
    }
}

fn sweep(data: &Path, dead: Dead) -> std::io::Result<()> {
    for entry in std::fs::read_dir(data)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.split_once('#'));
        let file = name.and_then(|(name, _)| DataName::parse(name));
        if file.is_some_and(|file| dead.holds(&file)) {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}
