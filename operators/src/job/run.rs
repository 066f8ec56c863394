//! `run` and `restore`: run the job to its end, to a stop, or to a failure.
use super::answer::Answer;
use super::call::Cx;
use super::flags::{Backend, Flags, Verb};
use super::launch::launch_build;
use super::look::{block_on, existing};
use super::{log, metrics, progress, signals, text};
use millstream_runtime::run::{Cluster, Hosts, Options, Outcome, Pace, Restarts, RestoreFrom, RunError, Tls};
use millstream_runtime::state::{Scratch, StateBackend};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Two heartbeats, of which a busy machine may delay one.
const SILENCE_LEAST: Duration = Duration::from_secs(1);

/// Runs it.
pub(crate) fn run(cx: &Cx, restore: RestoreFrom) -> Answer {
    match surround(cx) {
        Ok(surroundings) => {
            let answer = judged(cx, restore);
            drop(surroundings);
            answer
        }
        Err(e) => Answer::refused(e),
    }
}

/// What stands around a run in a process of its own. Signals are handled first: one that comes before the run counts.
fn surround(cx: &Cx) -> Result<impl Sized + use<>, String> {
    let owns = cx.around.owns_process;
    let status = || Arc::clone(&cx.around.status);
    let signals = if owns { Some(signals::handle(status())?) } else { None };
    if owns {
        log::start(&cx.flags)?;
    }
    let endpoint = match cx.flags.metrics {
        Some(at) => Some(metrics::serve(at.0, cx.name, status())?),
        None => None,
    };
    let shown = match owns && !cx.flags.quiet {
        true => Some(progress::show(status()).map_err(|e| format!("no thread for progress: {e}"))?),
        false => None,
    };
    Ok((signals, endpoint, shown))
}

/// Judges the graph first: each mistake is said by itself.
fn judged(cx: &Cx, restore: RestoreFrom) -> Answer {
    match cx.draw() {
        Ok(job) => {
            let mistakes = job.mistakes();
            if !mistakes.is_empty() {
                return Answer::refused_for(&mistakes);
            }
        }
        Err(answer) => return answer,
    }
    let (options, began) = match options(cx, restore) {
        Ok(options) => (options, Instant::now()),
        Err(e) => return Answer::refused(e),
    };
    // Also where this run needs none: of a job that was killed often nothing else may run here for long.
    Scratch::remove_left(&scratch(&cx.flags));
    match launch_build(&options, None, Arc::clone(&cx.build)) {
        Ok(outcome) => ended(cx, restore, outcome, began),
        Err(RunError::Refused(what)) => Answer::refused(what),
        Err(RunError::Lost(what)) => Answer::lost(format!("{what}; all processes are to be started again")),
        Err(e) => Answer::failed(e.to_string()),
    }
}

fn options(cx: &Cx, restore: RestoreFrom) -> Result<Options, String> {
    let flags = &cx.flags;
    Ok(Options {
        workers: flags.workers.into(),
        cluster: cluster(flags)?,
        restore,
        pace: Pace { slice: flags.slice.0, interval: flags.checkpoint_interval.0, ..Pace::default() },
        restarts: Restarts { attempts: flags.restarts, backoff: flags.restart_backoff.0 },
        checkpoint_failures: flags.checkpoint_failures,
        keep: flags.keep.0,
        drop_state: flags.drop_state.clone(),
        state_backend: state_backend(flags),
        args: cx.args.clone(),
        status: Arc::clone(&cx.around.status),
        ..Options::new(cx.name, cx.state())
    })
}

fn state_backend(flags: &Flags) -> StateBackend {
    match flags.state_backend {
        Backend::Memory => StateBackend::Memory,
        Backend::Disk => StateBackend::Disk(Scratch::new(scratch(flags), flags.state_memory.0)),
    }
}

fn scratch(flags: &Flags) -> PathBuf {
    flags.scratch.clone().unwrap_or_else(std::env::temp_dir)
}

/// The other processes of the job; none where the list has one host.
fn cluster(flags: &Flags) -> Result<Option<Cluster>, String> {
    let (Some(path), Some(process)) = (&flags.hosts, flags.process) else { return Ok(None) };
    let mut cluster = Cluster::new(Hosts::read(path)?, process)?;
    if let (Some(certificate), Some(key), Some(authority)) =
        (&flags.tls_certificate, &flags.tls_key, &flags.tls_authority)
    {
        cluster.tls = Some(Tls::read(certificate, key, authority)?);
    }
    let savepoint_takes = if flags.verb == Verb::Rescale { flags.wait.0 } else { Duration::ZERO };
    cluster.patience = flags.patience.0.saturating_add(savepoint_takes);
    cluster.silence = flags.silence.0.max(SILENCE_LEAST);
    Ok(Some(cluster).filter(|cluster| cluster.hosts.len() > 1))
}

fn ended(cx: &Cx, restore: RestoreFrom, outcome: Outcome, began: Instant) -> Answer {
    let progress = cx.around.status.progress();
    let took = began.elapsed();
    let rate = text::count((progress.read as f64 / took.as_secs_f64().max(0.001)) as u64);
    let read = format!("{} read in {} ({rate}/s)", text::some(progress.read, "record"), text::span(took));
    let line = match outcome {
        // Process 0 counts for all.
        Outcome::Finished | Outcome::Stopped if cx.flags.process.is_some_and(|process| process > 0) => {
            format!("{} has ended, see process 0", cx.name)
        }
        Outcome::Finished => format!("{} has finished: {read}", cx.name),
        Outcome::Stopped if progress.checkpoint == 0 => format!("{} was stopped before it began", cx.name),
        Outcome::Stopped => format!("{} was stopped at checkpoint {}: {read}", cx.name, progress.checkpoint),
        Outcome::AlreadyFinished => already(cx, restore),
    };
    let said = !cx.flags.quiet || outcome == Outcome::AlreadyFinished;
    Answer { err: if said { format!("{line}\n") } else { String::new() }, ..Answer::default() }
}

/// Nothing was done, which must not look like success.
fn already(cx: &Cx, restore: RestoreFrom) -> String {
    let number = match restore {
        RestoreFrom::Number(n) => Some(n),
        _ => block_on(async { existing(cx).await.ok()??.numbers().await.ok()?.last().copied() }).ok().flatten(),
    };
    let at = number.map_or_else(String::new, |n| format!(" {n}"));
    let state = cx.state();
    format!(
        "{} has already finished, at checkpoint{at} in {state}: nothing was read or written; to start anew, give \
         --restore none or another --state",
        cx.name
    )
}
