//! `savepoint`: asks the running job for a checkpoint that is kept, through its state, and waits for the answer.
use super::answer::Answer;
use super::call::Cx;
use super::look::{block_on, existing, nothing_at};
use super::text;
use millstream_runtime::checkpoint::{CheckpointError, StateStore};
use std::time::{Duration, Instant};

/// How often the store is asked for the answer.
const POLL: Duration = Duration::from_millis(100);

/// What a request that nobody took is answered with, so that no later run takes it.
pub(super) const WITHDRAWN: &str = "withdrawn: nobody answered in time";

/// Says the number of the new checkpoint, or why there is none.
pub(crate) fn savepoint(cx: &Cx) -> Answer {
    match asked(cx, cx.flags.stop) {
        Ok(n) if cx.flags.stop => Answer::fine(format!("checkpoint {n} is kept, and {} stops\n", cx.name)),
        Ok(n) => Answer::fine(format!("checkpoint {n} is kept\n")),
        Err(answer) => answer,
    }
}

/// The number of the checkpoint with which the running job has stopped, or why it has not.
pub(crate) fn stop(cx: &Cx) -> Result<u64, Answer> {
    asked(cx, true)
}

fn asked(cx: &Cx, stop: bool) -> Result<u64, Answer> {
    let asked = block_on(async {
        match existing(cx).await {
            Ok(Some(store)) => ask(cx, &store, stop).await.unwrap_or_else(|e| Err(Answer::failed(e.to_string()))),
            Ok(None) => Err(Answer::failed(nothing_at(cx))),
            Err(e) => Err(Answer::refused(e)),
        }
    });
    asked.unwrap_or_else(|e| Err(Answer::failed(e)))
}

/// What the job says.
type Said = Result<u64, Answer>;

async fn ask(cx: &Cx, store: &StateStore, stop: bool) -> Result<Said, CheckpointError> {
    let ended_before = ended(store).await?;
    let id = store.ask("savepoint", stop).await?;
    let began = Instant::now();
    while began.elapsed() < cx.flags.wait.0 {
        if let Some(answer) = store.answer_of(&id).await? {
            return Ok(made(&answer));
        }
        match ended(store).await? {
            Some(n) if ended_before != Some(n) => {
                let what = format!("{} has finished meanwhile; its last checkpoint is {n}", cx.name);
                return withdraw(store, &id, what).await;
            }
            _ => tokio::time::sleep(POLL).await,
        }
    }
    let waited = text::span(cx.flags.wait.0);
    let what = match ended_before {
        Some(n) => format!("no answer in {waited}: {} has finished, at checkpoint {n}", cx.name),
        None => format!("no answer in {waited}: no process runs {} with the state in {}", cx.name, cx.state()),
    };
    withdraw(store, &id, what).await
}

/// The checkpoint with which the job has finished, if it has.
async fn ended(store: &StateStore) -> Result<Option<u64>, CheckpointError> {
    Ok(store.latest().await?.filter(|manifest| manifest.finished).map(|manifest| manifest.number))
}

/// Answers the request, unless the job has just done so.
async fn withdraw(store: &StateStore, id: &str, what: String) -> Result<Said, CheckpointError> {
    store.answer(id, WITHDRAWN).await?;
    match store.answer_of(id).await? {
        Some(answer) if answer != WITHDRAWN => Ok(made(&answer)),
        _ => Ok(Err(Answer::failed(what))),
    }
}

fn made(answer: &str) -> Said {
    answer.parse().map_err(|_| Answer::failed(format!("the job answered: {answer}")))
}
