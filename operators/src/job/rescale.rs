//! `rescale`: stops the running job with a savepoint, and goes on from it with another number of workers or processes.
use super::answer::Answer;
use super::call::Cx;
use super::look::block_on;
use super::{ask, run, text};
use millstream_runtime::checkpoint::{StateStore, now_ms};
use millstream_runtime::run::{RestoreFrom, Status};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// How often it is looked whether records flow again.
const LOOK: Duration = Duration::from_millis(5);

/// Process 0 asks; the others wait for it.
pub(crate) fn rescale(cx: &Cx) -> Answer {
    if cx.flags.process.unwrap_or(0) > 0 {
        return run::run(cx, RestoreFrom::Latest);
    }
    match ask::stop(cx) {
        Ok(number) => {
            let told = tell_pause(Arc::clone(&cx.around.status), stopped_at(cx, number));
            let answer = run::run(cx, RestoreFrom::Latest);
            drop(told);
            answer
        }
        Err(answer) => answer,
    }
}

/// When the last checkpoint was made, in milliseconds since the Unix epoch: no record was processed after it.
fn stopped_at(cx: &Cx, number: u64) -> u64 {
    let made = block_on(async { StateStore::open_existing(&cx.state()).await?.load(number).await });
    made.ok().and_then(Result::ok).map_or_else(now_ms, |manifest| manifest.created_ms)
}

/// Says how long the job stood still, once it reads again; gives up when what it gives is dropped.
fn tell_pause(status: Arc<Status>, since: u64) -> Sender<()> {
    let (over, is_over) = channel();
    let wait = move || {
        while let Err(RecvTimeoutError::Timeout) = is_over.recv_timeout(LOOK) {
            if status.progress().read > 0 {
                let pause = Duration::from_millis(now_ms().saturating_sub(since));
                tracing::info!("rescaled: no record was read for {}", text::span(pause));
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name("millstream-pause".into()).spawn(wait);
    if let Err(e) = thread {
        tracing::warn!("the pause is not measured: {e}");
    }
    over
}
