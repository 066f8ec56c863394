//! `verify`: which checkpoints are whole.
use crate::job::{Answer, text};
use millstream_runtime::checkpoint::{CheckpointError, Snapshot, StateStore};
use std::fmt::Write;

/// Reads every byte of this one, or of all. Fails where one is damaged.
pub(super) async fn verify(store: &StateStore, wanted: Option<u64>) -> Result<Answer, CheckpointError> {
    let numbers = match wanted {
        Some(number) => vec![number],
        None => store.numbers().await?,
    };
    let (mut out, mut damaged) = (String::new(), vec![]);
    for number in numbers {
        match read(store, number).await {
            Ok(bytes) => {
                let _ = writeln!(out, "checkpoint {number} is whole: {}", text::bytes(bytes)); // a String takes everything
            }
            // The store may answer the next time.
            Err(e @ CheckpointError::Store { .. }) => return Err(e),
            Err(e) => damaged.push(format!("checkpoint {number}: {e}")),
        }
    }
    Ok(Answer { out, ..Answer::failed_for(&damaged) })
}

async fn read(store: &StateStore, number: u64) -> Result<u64, CheckpointError> {
    let manifest = store.load(number).await?;
    let bytes = manifest.files.iter().map(|file| file.len).sum();
    Snapshot::open(store, manifest).await?.verify().await?;
    Ok(bytes)
}
