//! `plan` and `check`: look at the graph and at its state, and touch nothing.
use super::answer::Answer;
use super::call::Cx;
use super::text;
use millstream_runtime::checkpoint::{CheckpointError, Manifest, Snapshot, StateStore, now_ms};
use millstream_runtime::graph::Against;
use millstream_runtime::run::RestoreFrom;
use std::fmt::Write;
use std::future::Future;
use std::path::Path;

/// The DAG as text, with what a restore would do.
pub(crate) fn plan(cx: &Cx) -> Answer {
    let job = match cx.draw() {
        Ok(job) => job,
        Err(answer) => return answer,
    };
    let (manifest, unreadable) = match checkpoint(cx, cx.flags.restore.0) {
        Ok(manifest) => (manifest, None),
        Err(answer) => (None, Some(answer)),
    };
    let restore = match manifest.map(|manifest| fit(cx, &manifest)).transpose() {
        Ok(restore) => restore,
        Err(answer) => return answer,
    };
    let out = job.graph().plan(cx.flags.workers.into(), restore.as_ref());
    let mistakes = job.mistakes();
    match unreadable {
        _ if !mistakes.is_empty() => Answer { out, ..Answer::refused_for(&mistakes) },
        Some(answer) => Answer { out, ..answer },
        None => Answer::fine(out),
    }
}

/// Judges the graph, and the state that a run would go on from.
pub(crate) fn check(cx: &Cx) -> Answer {
    let job = match cx.draw() {
        Ok(job) => job,
        Err(answer) => return answer,
    };
    let mistakes = job.mistakes();
    if !mistakes.is_empty() {
        return Answer::refused_for(&mistakes);
    }
    let wanted = cx.flags.against.map_or(cx.flags.restore.0, RestoreFrom::Number);
    if wanted == RestoreFrom::Latest && is_remote(&cx.state()) {
        let how = "`plan` judges by the latest checkpoint, `check --against N` by another";
        return Answer::fine(format!("the graph is fine; its state in {} was not looked at: {how}\n", cx.state()));
    }
    match checkpoint(cx, wanted) {
        Ok(None) => Answer::fine("the graph is fine; there is no checkpoint to judge it by\n"),
        Ok(Some(manifest)) => fit(cx, &manifest).map_or_else(|answer| answer, |found| against(cx, &manifest, found)),
        Err(answer) => answer,
    }
}

/// What a restore would make of the state, by a graph that is drawn for this only.
fn fit(cx: &Cx, manifest: &Manifest) -> Result<Against, Answer> {
    let job = cx.draw()?;
    block_on(async { job.graph().fit(manifest, &cx.flags.drop_state) }).map_err(Answer::failed)
}

fn against(cx: &Cx, manifest: &Manifest, found: Against) -> Answer {
    let age = text::ago(manifest.created_ms, now_ms());
    let workers = text::some(manifest.workers.into(), "worker");
    let mut out = format!("the graph is fine; against checkpoint {} of {workers}, {age}:\n", manifest.number);
    let (told, lost): (Vec<_>, Vec<_>) = found.dropped.into_iter().partition(|uid| cx.flags.drop_state.contains(uid));
    let plain = |uids: &[String]| uids.iter().map(|uid| format!("{uid:?}")).collect::<Vec<_>>();
    let told_of = |uids: &[(String, String)]| uids.iter().map(|(uid, what)| format!("{uid:?}: {what}")).collect();
    let uids = |uids: &[(String, String)]| uids.iter().map(|(uid, _)| format!("{uid:?}")).collect();
    let all: [(&str, Vec<String>); 6] = [
        ("keeps", plain(&found.kept)),
        ("migrates", told_of(&found.migrated)),
        ("cannot keep", uids(&found.refused)),
        ("starts anew", plain(&found.new)),
        ("drops as told", plain(&told)),
        ("would lose", plain(&lost)),
    ];
    for (what, uid) in all.iter().flat_map(|(what, uids)| uids.iter().map(move |uid| (what, uid))) {
        let _ = writeln!(out, "  {what:<14} {uid}"); // a String takes everything
    }
    let refused = found.refused.iter().map(|(_, why)| why.clone());
    let errors: Vec<String> = refused.chain(lost.iter().map(|uid| loses(manifest.number, uid))).collect();
    match errors.is_empty() {
        true => Answer::fine(out),
        false => Answer { out, ..Answer::refused_for(&errors) },
    }
}

fn loses(number: u64, uid: &str) -> String {
    format!(
        "checkpoint {number} has the state of {uid:?}, and the job has no such uid\n  help: give the operator its uid \
         back, or drop its state with --drop-state {uid}"
    )
}

/// The checkpoint that a run would go on from, whose files must be there. None where nothing is there yet.
fn checkpoint(cx: &Cx, wanted: RestoreFrom) -> Result<Option<Manifest>, Answer> {
    let looked = block_on(async {
        let Some(store) = existing(cx).await? else {
            return match wanted {
                RestoreFrom::Number(n) => Err(format!("there is no checkpoint {n}: {}", nothing_at(cx))),
                _ => Ok(None),
            };
        };
        find(&store, wanted).await.map_err(|e| e.to_string())
    });
    looked.map_err(Answer::failed)?.map_err(Answer::refused)
}

async fn find(store: &StateStore, wanted: RestoreFrom) -> Result<Option<Manifest>, CheckpointError> {
    let manifest = match wanted {
        RestoreFrom::Latest => store.latest().await?,
        RestoreFrom::Number(n) => Some(store.load(n).await?),
        RestoreFrom::Nothing => None,
    };
    let Some(manifest) = manifest else { return Ok(None) };
    Ok(Some(Snapshot::open(store, manifest).await?.manifest().clone()))
}

/// The job's state, if there is any, and it is this job's.
pub(crate) async fn existing(cx: &Cx) -> Result<Option<StateStore>, String> {
    let state = cx.state();
    if local(&state).is_some_and(|folder| !folder.exists()) {
        return Ok(None);
    }
    let store = StateStore::open_existing(&state).await.map_err(|e| e.to_string())?;
    match store.identity().await.map_err(|e| e.to_string())? {
        Some(identity) if identity.job != cx.name => {
            let (location, wanted) = (state, cx.name.into());
            Err(CheckpointError::OtherJob { location, found: identity.job, wanted }.to_string())
        }
        _ => Ok(Some(store)),
    }
}

/// The folder that a location names, if it names one.
fn local(state: &str) -> Option<&Path> {
    match state.split_once("://") {
        None if state.is_empty() => None,
        None => Some(Path::new(state)),
        Some(("file", path)) => Some(Path::new(path)),
        Some(_) => None,
    }
}

/// Whether a location is outside of this machine, which `check` touches only where it is told a number.
fn is_remote(state: &str) -> bool {
    ["s3://", "gs://", "az://"].iter().any(|scheme| state.starts_with(scheme))
}

/// That the job has no state.
pub(crate) fn nothing_at(cx: &Cx) -> String {
    format!("nothing is in {} yet, so {} has not run with this --state", cx.state(), cx.name)
}

/// Runs a future to its end; the error says why it could not begin.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> Result<T, String> {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(tokio.map_err(|e| format!("no thread for input and output: {e}"))?.block_on(future))
}
