//! Runs a command and starts it again when it fails: what `millstream supervise` does for each process of a job, where
//! neither systemd nor Kubernetes does. `Restarts` decides, `Supervisor` acts.
mod command;

pub use command::main;

use millstream_runtime::run::LOST_CODE;
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::ffi::OsString;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The exit code of a job that must be changed before another start can help.
const REFUSED_CODE: i32 = 2;

/// How often the supervisor looks whether the command has ended.
const LOOK: Duration = Duration::from_millis(50);

/// How a command is started again.
#[derive(Clone, Copy, Debug)]
pub struct Supervisor {
    /// The wait before the first new start; it doubles with each failure in a row.
    pub backoff: Duration,
    /// The longest wait.
    pub backoff_most: Duration,
    /// A command that has run so long has not failed in a row.
    pub steady: Duration,
    /// After so many failures in a row the supervisor gives up.
    pub failures: u32,
}

impl Default for Supervisor {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { backoff: seconds(1), backoff_most: seconds(30), steady: seconds(60), failures: 20 }
    }
}

impl Supervisor {
    /// Runs the command until it ends with 0 (done), with 2 (it must be changed first), after SIGTERM or SIGINT, which are
    /// passed on to it, or too often in a row. Gives its last exit code.
    ///
    /// A command that ends because another process of its job was lost (75) is started again without counting: the others
    /// may be away for long.
    ///
    /// # Errors
    /// Where it cannot be started, or names a checkpoint: each start would go back to it.
    pub fn run(&self, command: &[OsString]) -> Result<u8, String> {
        let Some((program, arguments)) = command.split_first() else { return Err("no command to supervise".into()) };
        if let Some(flag) = arguments.iter().find(|a| goes_back(&a.to_string_lossy())) {
            let flag = flag.to_string_lossy();
            return Err(format!(
                "each start would go back by `{flag}`: run it once by hand, then supervise it without"
            ));
        }
        let stopping = Arc::new(AtomicBool::new(false));
        let child: Arc<Mutex<Option<Child>>> = Arc::default();
        pass_on_signals(Arc::clone(&stopping), Arc::clone(&child))?;
        let mut restarts = Restarts { supervisor: *self, in_a_row: 0 };
        loop {
            let began = Instant::now();
            let started = Command::new(program).args(arguments).spawn();
            let started = started.map_err(|e| format!("{}: cannot be started: {e}", program.to_string_lossy()))?;
            *child.lock().unwrap_or_else(PoisonError::into_inner) = Some(started);
            let status = wait(&child)?;
            match restarts.judge(status.code(), began.elapsed(), stopping.load(SeqCst)) {
                Verdict::End(code) => return Ok(code),
                Verdict::Again(wait) => {
                    tracing::warn!(
                        "{} has ended with {status}; starting it again in {wait:?}",
                        program.to_string_lossy()
                    );
                    pause(wait, &stopping);
                }
            }
            if stopping.load(SeqCst) {
                return Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1));
            }
        }
    }
}

fn goes_back(argument: &str) -> bool {
    argument == "restore" || argument == "rescale" || argument == "--restore" || argument.starts_with("--restore=")
}

fn wait(child: &Mutex<Option<Child>>) -> Result<ExitStatus, String> {
    loop {
        let mut running = child.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(child) = running.as_mut()
            && let Some(status) = child.try_wait().map_err(|e| format!("the command cannot be waited for: {e}"))?
        {
            *running = None;
            return Ok(status);
        }
        drop(running);
        std::thread::sleep(LOOK);
    }
}

fn pause(wait: Duration, stopping: &AtomicBool) {
    let began = Instant::now();
    while began.elapsed() < wait && !stopping.load(SeqCst) {
        std::thread::sleep(LOOK.min(wait));
    }
}

/// Under the lock a child that has ended is not reaped, so its number is nobody else's.
fn pass_on_signals(stopping: Arc<AtomicBool>, child: Arc<Mutex<Option<Child>>>) -> Result<(), String> {
    let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(|e| format!("signals cannot be handled: {e}"))?;
    let listen = move || {
        for _ in signals.forever() {
            stopping.store(true, SeqCst);
            let running = child.lock().unwrap_or_else(PoisonError::into_inner);
            let pid = running.as_ref().and_then(|child| i32::try_from(child.id()).ok()).and_then(Pid::from_raw);
            if let Some(Err(e)) = pid.map(|pid| kill_process(pid, Signal::TERM)) {
                tracing::warn!("the command cannot be told to stop: {e}");
            }
        }
    };
    let thread = std::thread::Builder::new().name("millstream-signals".into()).spawn(listen);
    thread.map(drop).map_err(|e| format!("no thread for signals: {e}"))
}

/// What follows from an end.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    End(u8),
    Again(Duration),
}

/// Counts failures in a row.
struct Restarts {
    supervisor: Supervisor,
    in_a_row: u32,
}

impl Restarts {
    /// `code` is none where a signal has ended the command.
    fn judge(&mut self, code: Option<i32>, ran: Duration, is_stopping: bool) -> Verdict {
        let Supervisor { backoff, backoff_most, steady, failures } = self.supervisor;
        let end = Verdict::End(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1));
        if is_stopping || matches!(code, Some(0 | REFUSED_CODE)) {
            return end;
        }
        if ran >= steady {
            self.in_a_row = 0;
        }
        if code == Some(LOST_CODE) {
            return Verdict::Again(backoff);
        }
        if self.in_a_row >= failures {
            return end;
        }
        let wait = backoff.saturating_mul(2u32.saturating_pow(self.in_a_row)).min(backoff_most);
        self.in_a_row += 1;
        Verdict::Again(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(1);

    #[test]
    fn only_what_may_help_is_tried_again() {
        let mut restarts = Restarts { supervisor: Supervisor::default(), in_a_row: 0 };
        for code in [0u8, 2] {
            assert_eq!(restarts.judge(Some(code.into()), SHORT, false), Verdict::End(code));
        }
        assert_eq!(restarts.judge(Some(75), SHORT, true), Verdict::End(75), "it was told to stop");
        for _ in 0..100 {
            let again = Verdict::Again(Duration::from_secs(1));
            assert_eq!(restarts.judge(Some(75), SHORT, false), again, "another process is away");
        }
    }

    #[test]
    fn failures_in_a_row_wait_longer_and_come_to_an_end() {
        let mut restarts = Restarts { supervisor: Supervisor { failures: 7, ..Supervisor::default() }, in_a_row: 0 };
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            let again = Verdict::Again(Duration::from_secs(seconds));
            assert_eq!(restarts.judge(None, SHORT, false), again);
        }
        assert_eq!(restarts.judge(None, Duration::from_secs(90), false), Verdict::Again(Duration::from_secs(1)));
        restarts.in_a_row = 7;
        assert_eq!(restarts.judge(Some(1), SHORT, false), Verdict::End(1));
    }

    #[test]
    fn a_command_is_run_until_it_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let runs = folder.path().join("runs");
        let script = format!("echo x >> {0}; [ $(wc -l < {0}) -ge 3 ]", runs.display());
        let supervisor = Supervisor { backoff: SHORT, ..Supervisor::default() };
        let command = ["sh", "-c", &script].map(OsString::from);
        assert_eq!(supervisor.run(&command), Ok(0));
        assert_eq!(std::fs::read_to_string(runs).unwrap().lines().count(), 3);
        let back = ["job", "--restore=7"].map(OsString::from);
        assert!(supervisor.run(&back).unwrap_err().contains("--restore=7"));
    }
}
