//! What a run of a job is compared with, and how it is started.
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Rows by sink, sorted.
pub type Rows = BTreeMap<String, Vec<String>>;

/// An example, and its sinks.
#[derive(Clone, Copy)]
pub struct Program(&'static str, &'static [&'static str]);

const MAIN_JOB: Program = Program("access_log", &["paths", "sessions", "dead_letters", "late"]);
pub const LOOP: Program = Program("reachable", &["reached"]);

pub struct World {
    program: Program,
    pub folder: tempfile::TempDir,
    pub input: Vec<String>,
}

impl World {
    pub fn new() -> Self {
        let world = Self::of(&["--records", "300000", "--seed", "3"]);
        match std::env::var_os("MILLSTREAM_DATA") {
            Some(data) => {
                Self { input: vec!["--input".into(), scaled(Path::new(&data), world.folder.path())], ..world }
            }
            None => world,
        }
    }

    /// With these flags of the job.
    pub fn of(flags: &[&str]) -> Self {
        Self::of_program(MAIN_JOB, flags)
    }

    pub fn of_program(program: Program, flags: &[&str]) -> Self {
        let input = flags.iter().map(|flag| flag.to_string()).collect();
        Self { program, folder: tempfile::tempdir().unwrap(), input }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn forget(&self) {
        for name in ["out", "state"] {
            let _ = fs::remove_dir_all(self.path(name));
        }
    }

    /// The job in one process with two workers.
    pub fn start(&self) -> Child {
        self.start_with(&["--workers", "2"])
    }

    pub fn start_with(&self, flags: &[&str]) -> Child {
        let log = fs::File::options().create(true).append(true).open(self.path("log")).unwrap();
        let mut job = Command::new(example(self.program.0));
        self.complete(job.args(flags));
        job.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
    }

    /// The flags that every process of the job has.
    pub fn complete(&self, job: &mut Command) {
        job.arg("--out").arg(self.path("out")).arg("--state").arg(self.path("state"));
        job.args(["--checkpoint-interval", "50ms"]).args(&self.input);
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    /// What is visible is what an undisturbed run has made.
    pub fn check(&self, expected: &Rows, what: &str) {
        let rows = self.rows();
        for (sink, want) in expected {
            let (lost, extra) = difference(want, &rows[sink]);
            let first = (lost.first(), extra.first());
            let counts = format!("lost {}, doubled or new {}", lost.len(), extra.len());
            assert!(lost.is_empty() && extra.is_empty(), "{sink}, {what}: {counts}: {first:?}\n{}", self.log());
        }
    }

    pub fn to_the_end(&self, what: &str) {
        let status = self.start().wait().unwrap();
        let log = fs::read_to_string(self.path("log")).unwrap();
        assert!(status.success(), "{what}: {status}\n{log}");
    }

    pub fn rows(&self) -> Rows {
        self.program.1.iter().map(|sink| (sink.to_string(), visible(&self.path("out").join(sink)))).collect()
    }
}

/// The real lines twenty times: each copy four days after the one before.
fn scaled(data: &Path, folder: &Path) -> String {
    let lines = fs::read_to_string(data.join("apache_access.log")).unwrap();
    let mut all = String::with_capacity(lines.len() * 20);
    for copy in 0..20 {
        for line in lines.lines() {
            let (before, rest) = line.split_once('[').unwrap();
            let (day, after) = rest.split_at(2);
            let day = day.parse::<u32>().unwrap() - 1 + 4 * copy;
            let (month, day) = if day < 31 { ("May", day) } else { ("Jun", day - 31) };
            let (month, day) = if month == "Jun" && day >= 30 { ("Jul", day - 30) } else { (month, day) };
            all.push_str(&format!("{before}[{:02}{}\n", day + 1, after.replacen("May", month, 1)));
        }
    }
    let path = folder.join("big.log");
    fs::write(&path, all).unwrap();
    path.to_string_lossy().into_owned()
}

/// The committed rows of a sink; what is visible is whole.
fn visible(folder: &Path) -> Vec<String> {
    let mut rows = vec![];
    for file in fs::read_dir(folder).into_iter().flatten() {
        let path = file.unwrap().path();
        let hidden = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
        if hidden || path.extension().is_none_or(|e| e != "jsonl") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "{path:?} ends in half a line");
        rows.extend(text.lines().map(String::from));
    }
    rows.sort();
    rows
}

/// An example that cargo has built beside this test.
pub fn example(name: &str) -> PathBuf {
    built(&format!("examples/{name}"))
}

/// A program that cargo has built beside this test.
pub fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join(name);
    assert!(path.exists(), "{path:?} is not there: run `cargo test`, which builds all programs");
    path
}

/// What is in one sorted list and not in the other, counted.
fn difference(want: &[String], got: &[String]) -> (Vec<String>, Vec<String>) {
    let mut counts: BTreeMap<&String, i64> = BTreeMap::new();
    want.iter().for_each(|row| *counts.entry(row).or_default() += 1);
    got.iter().for_each(|row| *counts.entry(row).or_default() -= 1);
    let pick = |sign: i64| counts.iter().filter(|(_, n)| *n * sign > 0).map(|(row, _)| row.to_string()).collect();
    (pick(1), pick(-1))
}
