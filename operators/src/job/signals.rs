//! SIGTERM and SIGINT: the first asks the run to stop after a last checkpoint, a second ends the process at once.
use millstream_runtime::run::Status;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Signals so close together are one: `timeout` and other wrappers send theirs to the process and to its group.
const ONE: Duration = Duration::from_millis(200);

/// The run that the next signal stops; with none, a signal ends the process.
static RUN: Mutex<Option<Arc<Status>>> = Mutex::new(None);

/// Stands for signals that are handled; dropped when the run is over.
pub(crate) struct Handled;

/// Handles signals from now on: also those that arrive before the run has begun.
///
/// # Errors
/// Where the operating system refuses.
pub(crate) fn handle(status: Arc<Status>) -> Result<Handled, String> {
    static THREAD: OnceLock<Result<(), String>> = OnceLock::new();
    set(Some(status));
    THREAD.get_or_init(|| start().map_err(|e| format!("signals cannot be handled: {e}"))).clone().map(|()| Handled)
}

impl Drop for Handled {
    fn drop(&mut self) {
        set(None);
    }
}

fn set(run: Option<Arc<Status>>) -> Option<Arc<Status>> {
    std::mem::replace(&mut *RUN.lock().unwrap_or_else(PoisonError::into_inner), run)
}

fn start() -> std::io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let listen = move || {
        let mut first: Option<Instant> = None;
        for signal in signals.forever() {
            match set(None) {
                Some(status) => {
                    status.stop();
                    first = Some(Instant::now());
                    tracing::info!("stopping after a last checkpoint; a second signal ends the process at once");
                }
                None if first.is_some_and(|first| first.elapsed() < ONE) => {}
                None => signal_hook::low_level::exit(128 + signal),
            }
        }
    };
    std::thread::Builder::new().name("millstream-signals".into()).spawn(listen).map(drop)
}
