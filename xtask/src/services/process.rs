//! A process of a service: it outlives us, its pid is in a file.

use super::Result;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often something is looked at again.
const AGAIN: Duration = Duration::from_millis(100);
/// How often `ps` must not know a process before it is gone: while one is being started it has no command line for a moment.
const LOOKS: usize = 10;
/// So many lines of its log are shown of a process that does not start.
const TAIL: usize = 20;
/// How long a process has to stop before it is killed.
const STOP: Duration = Duration::from_secs(20);

/// See the module. Its folder holds `pid` and `log`.
pub(super) struct Process {
    /// For people: `broker 1`.
    pub(super) name: String,
    /// A folder of its own; the command line must name it, so that a stale pid is not taken for the process.
    pub(super) folder: PathBuf,
}

impl Process {
    pub(super) fn is_alive(&self) -> bool {
        let Some(pid) = self.pid() else { return false };
        let listed = Command::new("ps").args(["-ww", "-o", "stat=,args=", "-p", &pid]).output();
        let Ok(listed) = listed else { return false };
        let line = String::from_utf8_lossy(&listed.stdout).into_owned();
        !line.trim_start().starts_with('Z') && line.contains(&*self.folder.to_string_lossy())
    }

    fn is_gone(&self) -> bool {
        (0..LOOKS).all(|_| {
            let is_alive = self.is_alive();
            if !is_alive {
                std::thread::sleep(AGAIN);
            }
            !is_alive
        })
    }

    /// Starts it with its output in the log, in a process group of its own: an interrupt at the terminal is not for it.
    /// Gives the length of the log before.
    pub(super) fn start(&self, command: &mut Command) -> Result<u64> {
        use std::os::unix::process::CommandExt;
        let failed = |e: std::io::Error| format!("{} cannot be started: {e}", self.name);
        fs::create_dir_all(&self.folder).map_err(failed)?;
        let log = File::options().create(true).append(true).open(self.log()).map_err(failed)?;
        let before = log.metadata().map_err(failed)?.len();
        let (out, err) = (log.try_clone().map_err(failed)?, log);
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0).spawn().map_err(failed)?;
        fs::write(self.folder.join("pid"), child.id().to_string()).map_err(failed)?;
        Ok(before)
    }

    /// Waits for a text in what it logs behind `from`.
    pub(super) fn wait_for(&self, text: &str, from: u64, patience: Duration) -> Result<()> {
        let began = Instant::now();
        loop {
            if self.logged(from).contains(text) {
                return Ok(());
            }
            let gone = self.is_gone();
            if gone || began.elapsed() > patience {
                let what = if gone { "has died" } else { "is not ready" };
                let fresh = self.logged(from); // its last words, too
                let tail: Vec<&str> = fresh.lines().rev().take(TAIL).collect();
                let tail = tail.into_iter().rev().collect::<Vec<_>>().join("\n");
                return Err(format!("{} {what}; see {}\n{tail}", self.name, self.log().display()));
            }
            std::thread::sleep(AGAIN);
        }
    }

    /// Waits until it is ready.
    pub(super) fn wait_until(&self, is_ready: impl Fn() -> bool, patience: Duration) -> Result<()> {
        let began = Instant::now();
        while !is_ready() {
            let gone = self.is_gone();
            if gone || began.elapsed() > patience {
                let what = if gone { "has died" } else { "is not ready" };
                return Err(format!("{} {what}; see {}", self.name, self.log().display()));
            }
            std::thread::sleep(AGAIN);
        }
        Ok(())
    }

    /// Says SIGTERM, also to one that stands still.
    pub(super) fn ask_to_stop(&self) -> Result<()> {
        if self.is_alive() { self.signal("CONT").and_then(|()| self.signal("TERM")) } else { Ok(()) }
    }

    /// Waits until it is gone, and kills it where that takes too long.
    pub(super) fn stop(&self) -> Result<()> {
        let began = Instant::now();
        while self.is_alive() {
            if began.elapsed() > STOP {
                self.signal("KILL")?;
            }
            std::thread::sleep(AGAIN);
        }
        let _ = fs::remove_file(self.folder.join("pid")); // a stale one does no harm
        Ok(())
    }

    pub(super) fn describe(&self) -> String {
        match (self.is_alive(), self.pid()) {
            (true, Some(pid)) => format!("{}: runs, pid {pid}", self.name),
            _ => format!("{}: down", self.name),
        }
    }

    /// What it has logged behind `from`.
    fn logged(&self, from: u64) -> String {
        let log = fs::read(self.log()).unwrap_or_default();
        String::from_utf8_lossy(log.get(from as usize..).unwrap_or_default()).into_owned()
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn pid(&self) -> Option<String> {
        let text = fs::read_to_string(self.folder.join("pid")).ok()?;
        text.trim().parse::<u32>().ok().map(|pid| pid.to_string())
    }

    fn signal(&self, signal: &str) -> Result<()> {
        let Some(pid) = self.pid() else { return Ok(()) };
        let sent = Command::new("kill").args([&format!("-{signal}"), &pid]).stderr(Stdio::null()).status();
        sent.map(drop).map_err(|e| format!("{} cannot be sent SIG{signal}: {e}", self.name))
    }
}
