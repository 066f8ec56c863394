//! The main job, as a process of its own, with its state anywhere.
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Rows by sink, sorted.
pub(crate) type Rows = BTreeMap<String, Vec<String>>;

const SINKS: [&str; 4] = ["paths", "sessions", "dead_letters", "late"];

/// A job with a folder of its own, for its output and its log.
pub(crate) struct Job {
    folder: tempfile::TempDir,
    state: String,
    flags: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Job {
    /// `flags` in one text, parted by spaces.
    pub(crate) fn new(state: &str, flags: &str) -> Self {
        let flags = flags.split_whitespace().map(String::from).collect();
        Self { folder: tempfile::tempdir().unwrap(), state: state.into(), flags, environment: vec![] }
    }

    pub(crate) fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    pub(crate) fn start(&self) -> Process {
        let log = File::options().create(true).append(true).open(self.path("log")).unwrap();
        let mut job = Command::new(example("access_log"));
        job.arg("--out").arg(self.path("out")).args(["--state", &self.state, "--workers", "2"]).args(&self.flags);
        job.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Process(job.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }

    /// Runs it to its end, which must be a good one.
    pub(crate) fn to_the_end(&self) -> Rows {
        let ended = self.start().end();
        assert!(ended, "{}", self.log());
        self.rows()
    }

    pub(crate) fn rows(&self) -> Rows {
        SINKS.iter().map(|sink| (sink.to_string(), visible(&self.path("out").join(sink)))).collect()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Waits until its log has this text.
    pub(crate) fn wait_for(&self, text: &str) {
        let began = Instant::now();
        while !self.log().contains(text) {
            assert!(began.elapsed() < Duration::from_secs(60), "no {text:?} in\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A running job; killed where the test ends before it.
pub(crate) struct Process(Child);

impl Process {
    /// Waits for its end; whether it was a good one.
    pub(crate) fn end(mut self) -> bool {
        self.0.wait().unwrap().success()
    }

    pub(crate) fn is_over(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// `STOP`, `CONT`, `KILL`.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([format!("-{signal}"), self.0.id().to_string()]).status();
        assert!(sent.unwrap().success(), "SIG{signal}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it is over, mostly
        let _ = self.0.wait();
    }
}

/// The committed rows of a sink.
fn visible(folder: &Path) -> Vec<String> {
    let paths = fs::read_dir(folder).into_iter().flatten().map(|file| file.unwrap().path());
    let is_visible = |path: &PathBuf| {
        path.extension().is_some_and(|e| e == "jsonl")
            && path.file_name().is_some_and(|n| !n.to_string_lossy().starts_with('.'))
    };
    let texts = paths.filter(is_visible).map(|path| fs::read_to_string(path).unwrap());
    let mut rows: Vec<String> = texts.flat_map(|text| text.lines().map(String::from).collect::<Vec<_>>()).collect();
    rows.sort();
    rows
}

/// An example that cargo has built beside this test.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    assert!(path.exists(), "{path:?} is not there: run `cargo test`, which builds the examples");
    path
}

/// Compares committed rows as multisets, and says how many are lost or doubled.
#[track_caller]
pub(crate) fn assert_same(expected: &Rows, found: &Rows) {
    for (sink, want) in expected {
        let mut counts: BTreeMap<&String, i64> = BTreeMap::new();
        want.iter().for_each(|row| *counts.entry(row).or_default() += 1);
        found[sink].iter().for_each(|row| *counts.entry(row).or_default() -= 1);
        let lost = counts.values().filter(|n| **n > 0).count();
        let extra = counts.values().filter(|n| **n < 0).count();
        assert!(lost == 0 && extra == 0, "{sink}: {lost} lost, {extra} doubled or new");
    }
}
