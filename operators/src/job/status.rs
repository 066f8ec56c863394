//! `status`: what is in the job's state, read from the store.
use super::answer::Answer;
use super::call::Cx;
use super::look::{block_on, existing, nothing_at};
use super::text;
use millstream_runtime::checkpoint::{CheckpointError, Kept, Manifest, Request, StateStore, now_ms};
use std::fmt::Write;

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
}

async fn read(store: &StateStore) -> Result<Seen, CheckpointError> {
    Ok(Seen {
        latest: store.latest().await?,
        numbers: store.numbers().await?,
        kept: store.kept().await?,
        pending: store.pending().await?,
    })
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
        lines.iter().fold(String::new(), |mut text, (what, is)| {
            let _ = writeln!(text, "{what:<12} {is}"); // a String takes everything
            text
        })
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
