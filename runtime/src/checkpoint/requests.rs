//! What a user asks of a running job, as small objects in its state: keep a checkpoint, take a savepoint, stop.
//!
//! Plain JSON without a checksum, so that any tool can ask; what cannot be read is skipped with a warning.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::chance::{now_ms, random_id};
use super::error::{CheckpointError, Result};
use super::manifest::object as manifest_object;
use super::store::{Put, StateStore, folder};

/// The largest object, in bytes.
const OBJECT_MAX: u64 = 64 << 10;

/// How many answered requests stay.
pub(super) const ANSWERED_KEPT: usize = 64;

const REQUEST: &str = ".request";
const ANSWER: &str = ".answer";
const KEPT: &str = ".json";

/// A checkpoint that a user keeps: garbage collection leaves it alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The checkpoint.
    pub number: u64,
    /// What the user calls it; may be empty.
    pub label: String,
    /// When it was kept, in milliseconds since the Unix epoch.
    pub kept_ms: u64,
}

/// Something that a user asks of the running job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What its answer is found by.
    pub id: String,
    /// What is asked for: `savepoint`, …
    pub kind: String,
    /// Whether the job should stop after it.
    pub stop: bool,
    /// When it was asked, in milliseconds since the Unix epoch.
    pub asked_ms: u64,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Answer {
    text: String,
    answered_ms: u64,
}

impl StateStore {
    /// Keeps checkpoint `number` until [`StateStore::unkeep`]. Fails if there is no such checkpoint.
    ///
    /// The label of one that is kept already stays. Fails, too, if an attempt has begun to delete it.
    pub async fn keep(&self, number: u64, label: &str) -> Result<()> {
        let name = kept_object(number);
        let kept = Kept { number, label: label.into(), kept_ms: now_ms() };
        let before = self.put_new(&name, encode(&name, &kept)?).await?;
        // Kept first and looked after: the other way round it could be collected in between.
        let found = match self.size(&manifest_object(number)).await? {
            Some(_) => self.check_number_not_doomed(number).await,
            None => {
                Err(CheckpointError::Missing { name: manifest_object(number), what: "so it cannot be kept".into() })
            }
        };
        if found.is_err() && before == Put::Created {
            self.delete(&name).await?;
        }
        found
    }

    /// Gives checkpoint `number` back to garbage collection.
    pub async fn unkeep(&self, number: u64) -> Result<()> {
        self.delete(&kept_object(number)).await
    }

    /// All checkpoints that users keep, ascending. One whose object is damaged is kept too, without its label.
    pub async fn kept(&self) -> Result<Vec<Kept>> {
        let mut all = Vec::new();
        for name in self.list(folder::KEEP).await? {
            let number = name.strip_suffix(KEPT).and_then(|number| number.parse().ok());
            let Some(number) = number else { continue };
            let read = self.small::<Kept>(&format!("{}/{name}", folder::KEEP)).await?;
            all.push(read.map_or(Kept { number, label: String::new(), kept_ms: 0 }, |kept| Kept { number, ..kept }));
        }
        Ok(all)
    }

    /// Asks the running job for something; the id finds the answer.
    pub async fn ask(&self, kind: &str, stop: bool) -> Result<String> {
        let asked_ms = now_ms();
        // The time in front makes names sort by age.
        let id = format!("{asked_ms:015}-{}", random_id());
        let name = request_object(&id, REQUEST);
        let request = Request { id: id.clone(), kind: kind.into(), stop, asked_ms };
        self.put_new(&name, encode(&name, &request)?).await?;
        Ok(id)
    }

    /// The requests without an answer, oldest first.
    pub async fn pending(&self) -> Result<Vec<Request>> {
        let names = self.list(folder::REQUESTS).await?;
        let mut pending = Vec::new();
        for id in names.iter().filter_map(|name| name.strip_suffix(REQUEST)) {
            if names.binary_search(&format!("{id}{ANSWER}")).is_err()
                && let Some(request) = self.small::<Request>(&request_object(id, REQUEST)).await?
            {
                pending.push(Request { id: id.into(), ..request });
            }
        }
        Ok(pending)
    }

    /// Answers a request. The first answer stays.
    pub async fn answer(&self, id: &str, text: &str) -> Result<()> {
        let name = request_object(id, ANSWER);
        let answer = Answer { text: text.into(), answered_ms: now_ms() };
        self.put_new(&name, encode(&name, &answer)?).await.map(drop)
    }

    /// The answer to a request, if it was answered.
    pub async fn answer_of(&self, id: &str) -> Result<Option<String>> {
        Ok(self.small::<Answer>(&request_object(id, ANSWER)).await?.map(|answer| answer.text))
    }

    /// Deletes answered requests but the newest.
    pub(super) async fn collect_answered(&self, newest: usize) -> Result<()> {
        let names = self.list(folder::REQUESTS).await?;
        let answered: Vec<_> = names.iter().filter_map(|name| name.strip_suffix(ANSWER)).collect();
        for id in answered.iter().rev().skip(newest) {
            // The request first: without its answer it would be pending again.
            self.delete(&request_object(id, REQUEST)).await?;
            self.delete(&request_object(id, ANSWER)).await?;
        }
        Ok(())
    }

    /// A small object; one that is too large or not JSON is skipped with a warning.
    async fn small<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let bytes = match self.get(name, OBJECT_MAX).await {
            Err(error @ CheckpointError::TooLarge { .. }) => {
                tracing::warn!("skipped: {error}");
                return Ok(None);
            }
            found => found?,
        };
        let Some(bytes) = bytes else { return Ok(None) };
        let read = serde_json::from_slice(&bytes);
        Ok(read.inspect_err(|e| tracing::warn!("skipped: {name} is not the JSON it should be: {e}")).ok())
    }
}

fn encode<T: Serialize>(name: &str, value: &T) -> Result<bytes::Bytes> {
    let bytes =
        serde_json::to_vec(value).map_err(|e| CheckpointError::refused(name, format!("it is not JSON: {e}")))?;
    if bytes.len() as u64 > OBJECT_MAX {
        return Err(CheckpointError::TooLarge { name: name.into(), len: bytes.len() as u64, max: OBJECT_MAX });
    }
    Ok(bytes.into())
}

fn kept_object(number: u64) -> String {
    format!("{}/{number:020}{KEPT}", folder::KEEP)
}

fn request_object(id: &str, suffix: &str) -> String {
    format!("{}/{id}{suffix}", folder::REQUESTS)
}
