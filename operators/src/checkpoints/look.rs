//! `list` and `show`: what there is.
use crate::job::{Answer, text};
use millstream_runtime::checkpoint::{CheckpointError, Kept, Manifest, StateStore, now_ms};
use std::fmt::Write;

/// The checkpoint that is meant: this one, or the newest.
pub(super) async fn number(store: &StateStore, wanted: Option<u64>) -> Result<u64, CheckpointError> {
    match wanted {
        Some(number) => Ok(number),
        None => store.numbers().await?.last().copied().ok_or_else(|| CheckpointError::Missing {
            name: "a checkpoint".into(),
            what: "the job has not made one yet".into(),
        }),
    }
}

/// One line for each.
pub(super) async fn list(store: &StateStore) -> Result<Answer, CheckpointError> {
    let (kept, now, mut out) = (store.kept().await?, now_ms(), String::new());
    let mut damaged = vec![];
    for number in store.numbers().await? {
        match store.load(number).await {
            Ok(manifest) => out.push_str(&line(&manifest, &kept, now)),
            Err(e) => damaged.push(e.to_string()),
        }
    }
    if out.is_empty() && damaged.is_empty() {
        return Ok(Answer::fine("no checkpoint yet\n"));
    }
    Ok(Answer { out, ..Answer::failed_for(&damaged) })
}

fn line(manifest: &Manifest, kept: &[Kept], now: u64) -> String {
    let bytes: u64 = manifest.files.iter().map(|file| file.len).sum();
    let own: u64 = manifest.newest_files().map(|file| file.len).sum();
    let mut line = format!(
        "{:>8}  {:>14}  {:>10} in {:>2} files, {:>10} its own  {}",
        manifest.number,
        text::ago(manifest.created_ms, now),
        text::bytes(bytes),
        manifest.files.len(),
        text::bytes(own),
        end(manifest),
    );
    if let Some(kept) = kept.iter().find(|kept| kept.number == manifest.number) {
        line.push_str(&format!("  kept {}", kept.label));
    }
    line.truncate(line.trim_end().len());
    line + "\n"
}

fn end(manifest: &Manifest) -> &'static str {
    match (manifest.finished, manifest.closed) {
        (true, _) => "finished",
        (false, true) => "stopped",
        (false, false) => "",
    }
}

/// All that a manifest says.
pub(super) async fn show(store: &StateStore, wanted: Option<u64>) -> Result<Answer, CheckpointError> {
    let manifest = store.load(number(store, wanted).await?).await?;
    let mut out = String::new();
    let mut say = |what: &str, is: String| {
        let _ = writeln!(out, "{what:<12} {is}"); // a String takes everything
    };
    say("checkpoint", format!("{} of {}, {}", manifest.number, manifest.job, text::ago(manifest.created_ms, now_ms())));
    if let Some(parent) = manifest.parent {
        say("goes on from", parent.to_string());
    }
    let workers = text::some(manifest.workers.into(), "worker");
    say("attempt", format!("{} with {workers}, {}", manifest.generation, manifest.build));
    if !end(&manifest).is_empty() {
        say("job's end", end(&manifest).into());
    }
    for (origin, mark) in &manifest.origins {
        say("watermark", format!("{} of {origin}", millstream_runtime::time::Timestamp(*mark)));
    }
    for operator in &manifest.operators {
        say("operator", format!("{} ({})", operator.uid, operator.kind));
        for column in operator.state.iter().flat_map(|state| &state.columns) {
            let types: Vec<_> =
                column.schemas.iter().map(|schema| format!("{} v{}", schema.name, schema.version)).collect();
            say("", format!("{} {:?} {}", column.name, column.kind, types.join(" to ")));
        }
    }
    for file in &manifest.files {
        let of =
            if file.first == file.last { file.last.to_string() } else { format!("{} to {}", file.first, file.last) };
        say("file", format!("{} {}, changes of {of}", file.name, text::bytes(file.len)));
    }
    Ok(Answer::fine(out))
}
