//! `status`: what is in the job's state, read from the store; and of a running job, asked through the store, who holds it
//! up.
use super::answer::Answer;
use super::call::Cx;
use super::look::{block_on, existing, nothing_at};
use super::text;
use crate::job::ask::WITHDRAWN;
use millstream_runtime::checkpoint::{CheckpointError, Kept, Manifest, Request, StateStore, now_ms};
use millstream_runtime::run::{Held, STATUS};
use std::fmt::Write;
use std::time::{Duration, Instant};

/// How often the store is asked for the answer.
const POLL: Duration = Duration::from_millis(50);
/// A running job answers in so long: it looks for requests every second, in an object store every five.
const ANSWERS_IN: Duration = Duration::from_secs(4);
const ANSWERS_IN_REMOTE: Duration = Duration::from_secs(15);

/// The newest checkpoint, those that are kept, and what the job was asked and has not answered.
pub(crate) fn status(cx: &Cx) -> Answer {
    let told = block_on(async {
        match existing(cx).await? {
            Some(store) => read(&store).await.map(Some).map_err(|e| e.to_string()),
            None => Ok(None),
        }
    });
    match told {
        Ok(Ok(Some(seen))) => Answer::fine(seen.tell(cx.name, &cx.state(), now_ms())),
        Ok(Ok(None)) => Answer::failed(nothing_at(cx)),
        Ok(Err(e)) => Answer::refused(e),
        Err(e) => Answer::failed(e),
    }
}

/// What there is to tell.
struct Seen {
    latest: Option<Manifest>,
    numbers: Vec<u64>,
    kept: Vec<Kept>,
    pending: Vec<Request>,
    running: Running,
}

async fn read(store: &StateStore) -> Result<Seen, CheckpointError> {
    let latest = store.latest().await?;
    let claim = store.newest_claim().await?;
    Ok(Seen {
        running: if may_run(latest.as_ref(), claim) { ask(store).await? } else { Running::Ended },
        latest,
        numbers: store.numbers().await?,
        kept: store.kept().await?,
        pending: store.pending().await?,
    })
}

/// What is known of who runs the job.
enum Running {
    /// It has ended: nobody was asked.
    Ended,
    /// Nobody answers.
    Silent,
    /// It runs, and this holds it up.
    HeldUp(Vec<Held>),
}

/// Whether somebody may run the job: asking costs time where nobody does.
fn may_run(latest: Option<&Manifest>, claim: Option<u64>) -> bool {
    latest.is_none_or(|manifest| {
        let begun_again = claim.is_some_and(|claim| claim > manifest.generation);
        !manifest.finished && (!manifest.closed || begun_again)
    })
}

/// Asks the running job who holds it up.
async fn ask(store: &StateStore) -> Result<Running, CheckpointError> {
    let id = store.ask(STATUS, false).await?;
    let patience = if store.is_remote() { ANSWERS_IN_REMOTE } else { ANSWERS_IN };
    let began = Instant::now();
    while began.elapsed() < patience {
        if let Some(answer) = store.answer_of(&id).await? {
            return Ok(serde_json::from_str(&answer).map_or(Running::Silent, Running::HeldUp));
        }
        tokio::time::sleep(POLL).await;
    }
    store.answer(&id, WITHDRAWN).await?;
    Ok(Running::Silent)
}

impl Seen {
    fn tell(&self, job: &str, state: &str, now: u64) -> String {
        let mut lines = vec![("job", job.to_string()), ("state", state.to_string())];
        match &self.latest {
            Some(manifest) => lines.extend(newest(manifest, now)),
            None => lines.push(("checkpoint", "none yet".into())),
        }
        let numbers: Vec<String> = self.numbers.iter().map(u64::to_string).collect();
        if !numbers.is_empty() {
            lines.push(("checkpoints", numbers.join(", ")));
        }
        lines.extend(self.kept.iter().map(|kept| ("kept", kept_line(kept, now))));
        lines.extend(self.pending.iter().map(|request| ("asked", request_line(request, now))));
        lines.extend(self.running());
        lines.iter().fold(String::new(), |mut text, (what, is)| {
            let _ = writeln!(text, "{what:<12} {is}"); // a String takes everything
            text
        })
    }

    /// Whether the job runs, and who holds it up.
    fn running(&self) -> Vec<(&'static str, String)> {
        match &self.running {
            Running::Ended => vec![],
            Running::Silent => vec![("runs", "no process answers".into())],
            Running::HeldUp(all) if all.is_empty() => vec![("runs", "yes, and nothing is held up".into())],
            Running::HeldUp(all) => all.iter().map(|held| ("held up", held.to_string())).collect(),
        }
    }
}

fn newest(manifest: &Manifest, now: u64) -> Vec<(&'static str, String)> {
    let end = match (manifest.finished, manifest.closed) {
        (true, _) => "finished",
        (false, true) => "stopped",
        (false, false) => "open: the job runs, or has ended without a last checkpoint",
    };
    let bytes: u64 = manifest.files.iter().map(|file| file.len).sum();
    let files = text::some(manifest.files.len() as u64, "file");
    let of = text::some(manifest.workers.into(), "worker");
    vec![
        ("checkpoint", format!("{} of {of}, {}", manifest.number, text::ago(manifest.created_ms, now))),
        ("job's end", end.into()),
        ("size", format!("{} in {files}", text::bytes(bytes))),
    ]
}

fn kept_line(kept: &Kept, now: u64) -> String {
    format!("{} {}, {}", kept.number, kept.label, text::ago(kept.kept_ms, now))
}

fn request_line(request: &Request, now: u64) -> String {
    let stop = if request.stop { " and stop" } else { "" };
    format!("{}{stop}, {}, not answered yet", request.kind, text::ago(request.asked_ms, now))
}
