//! From a build function to a run in this process, without a command line.
use super::scope::Job;
use super::shared::{Made, Values};
use crate::substitute::Substitutes;
use millstream_runtime::Result;
use millstream_runtime::run::{BuildGraph, Options, Outcome, RunError, run};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// A job's build function, with its arguments in it.
pub(crate) type Build = Arc<dyn Fn(&Job) -> Result<()> + Send + Sync>;

/// Runs a job to its end. Blocks; may be called inside a tokio runtime.
///
/// # Errors
/// [`RunError::Refused`], where `build` fails, its graph has mistakes, or the state does not fit; else as the run's.
pub fn launch(
    options: &Options,
    build: impl Fn(&Job) -> Result<()> + Send + Sync + 'static,
) -> Result<Outcome, RunError> {
    launch_build(options, None, Arc::new(build))
}

/// The same with the sources and sinks of a test in the place of the job's own.
///
/// # Errors
/// As [`launch`].
pub fn launch_substituted(
    options: &Options,
    substitutes: Arc<Substitutes>,
    build: impl Fn(&Job) -> Result<()> + Send + Sync + 'static,
) -> Result<Outcome, RunError> {
    launch_build(options, Some(substitutes), Arc::new(build))
}

pub(crate) fn launch_build(
    options: &Options,
    substitutes: Option<Arc<Substitutes>>,
    build: Build,
) -> Result<Outcome, RunError> {
    on_own_thread(|| {
        let kept = match prepare(options, substitutes.clone(), &build)? {
            Prepared::Stopped => return Ok(Outcome::Stopped),
            Prepared::Ready(kept) => kept,
        };
        let values = Arc::clone(&kept.values);
        let draw: BuildGraph = Arc::new(move || {
            let job = Job::drawn(substitutes.clone(), Some(Arc::clone(&values)));
            build(&job)?;
            match job.shared_mistakes().first() {
                Some(mistake) => Err(mistake.clone().into()),
                None => Ok(job.graph().clone()),
            }
        });
        let outcome = run(options, draw);
        if let Some(tokio) = kept.tokio {
            tokio.shutdown_timeout(Duration::from_secs(5));
        }
        outcome
    })
    .unwrap_or_else(|what| Err(RunError::Refused(what)))
}

/// Shared values, and the runtime whose tasks they may need as long as they live.
#[derive(Default)]
struct Kept {
    values: Values,
    tokio: Option<Runtime>,
}

enum Prepared {
    Ready(Kept),
    /// Asked to stop before the first record.
    Stopped,
}

/// Draws the graph once, judges it, and makes what it shares.
fn prepare(options: &Options, substitutes: Option<Arc<Substitutes>>, build: &Build) -> Result<Prepared, RunError> {
    let job = Job::drawn(substitutes, None);
    build(&job).map_err(|e| RunError::Refused(e.to_string()))?;
    let mistakes = job.mistakes();
    if !mistakes.is_empty() {
        return Err(RunError::Refused(mistakes.join("\n")));
    }
    let sharing = job.into_sharing();
    if sharing.is_empty() {
        return Ok(Prepared::Ready(Kept::default()));
    }
    let tokio = Builder::new_multi_thread().worker_threads(2).thread_name("millstream-shared").enable_all().build();
    let tokio = tokio.map_err(|e| RunError::Refused(format!("no threads for shared values: {e}")))?;
    match sharing.make(tokio.handle(), &options.status) {
        Ok(Made::All(values)) => Ok(Prepared::Ready(Kept { values, tokio: Some(tokio) })),
        Ok(Made::Stopped) => Ok(Prepared::Stopped),
        Err(what) => Err(RunError::Failed { attempts: 1, what }),
    }
}

/// Runs `work` where no tokio runtime is entered. An error says what it panicked with.
pub(crate) fn on_own_thread<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("millstream-job".into()).spawn_scoped(scope, work);
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(panic)) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or(panic.downcast_ref::<&str>().copied());
                Err(format!("user code panicked: {}", text.unwrap_or("without a text")))
            }
            Err(e) => Err(format!("no thread for the job: {e}")),
        }
    })
}
