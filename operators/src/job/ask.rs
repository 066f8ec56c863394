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
const WITHDRAWN: &str = "withdrawn: nobody answered in time";

/// The number of the new checkpoint, or why there is none.
pub(crate) fn savepoint(cx: &Cx) -> Answer {
    let asked = block_on(async {
        match existing(cx).await {
            Ok(Some(store)) => ask(cx, &store).await.unwrap_or_else(|e| Answer::failed(e.to_string())),
            Ok(None) => Answer::failed(nothing_at(cx)),
            Err(e) => Answer::refused(e),
        }
    });
    asked.unwrap_or_else(Answer::failed)
}

async fn ask(cx: &Cx, store: &StateStore) -> Result<Answer, CheckpointError> {
    let ended_before = ended(store).await?;
    let id = store.ask("savepoint", cx.flags.stop).await?;
    let began = Instant::now();
    while began.elapsed() < cx.flags.wait.0 {
        if let Some(answer) = store.answer_of(&id).await? {
            return Ok(made(cx, &answer));
        }
        match ended(store).await? {
            Some(n) if ended_before != Some(n) => {
                let what = format!("{} has finished meanwhile; its last checkpoint is {n}", cx.name);
                return withdraw(cx, store, &id, what).await;
            }
            _ => tokio::time::sleep(POLL).await,
        }
    }
    let waited = text::span(cx.flags.wait.0);
    let what = match ended_before {
        Some(n) => format!("no answer in {waited}: {} has finished, at checkpoint {n}", cx.name),
        None => format!("no answer in {waited}: no process runs {} with the state in {}", cx.name, cx.state()),
    };
    withdraw(cx, store, &id, what).await
}

/// The checkpoint with which the job has finished, if it has.
async fn ended(store: &StateStore) -> Result<Option<u64>, CheckpointError> {
    Ok(store.latest().await?.filter(|manifest| manifest.finished).map(|manifest| manifest.number))
}

/// Answers the request, unless the job has just done so.
async fn withdraw(cx: &Cx, store: &StateStore, id: &str, what: String) -> Result<Answer, CheckpointError> {
    store.answer(id, WITHDRAWN).await?;
    match store.answer_of(id).await? {
        Some(answer) if answer != WITHDRAWN => Ok(made(cx, &answer)),
        _ => Ok(Answer::failed(what)),
    }
}

fn made(cx: &Cx, answer: &str) -> Answer {
    match answer.parse::<u64>() {
        Ok(n) if cx.flags.stop => Answer::fine(format!("checkpoint {n} is kept, and {} stops\n", cx.name)),
        Ok(n) => Answer::fine(format!("checkpoint {n} is kept\n")),
        Err(_) => Answer::failed(format!("the job answered: {answer}")),
    }
}
