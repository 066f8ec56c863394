//! The main job loses nothing and doubles nothing, however often it is killed: `kill -9` at random times, then restart.
//!
//! 20 kills, or as many as MILLSTREAM_KILLS says. The input is the real log of MILLSTREAM_DATA, many times over, or what
//! the job's own generator makes up where that is not there.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests, too")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Rows by sink, sorted.
type Rows = BTreeMap<String, Vec<String>>;

const SINKS: [&str; 4] = ["paths", "sessions", "dead_letters", "late"];

struct World {
    folder: tempfile::TempDir,
    input: Vec<String>,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let input = match std::env::var_os("MILLSTREAM_DATA") {
            Some(data) => vec!["--input".into(), scaled(Path::new(&data), folder.path())],
            None => ["--records", "300000", "--seed", "3"].map(String::from).to_vec(),
        };
        Self { folder, input }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn forget(&self) {
        for name in ["out", "state"] {
            let _ = fs::remove_dir_all(self.path(name));
        }
    }

    fn start(&self) -> Child {
        let log = fs::File::options().create(true).append(true).open(self.path("log")).unwrap();
        let mut job = Command::new(example("access_log"));
        job.arg("--out").arg(self.path("out")).arg("--state").arg(self.path("state"));
        job.args(["--workers", "2", "--checkpoint-interval", "50ms"]).args(&self.input);
        job.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
    }

    fn to_the_end(&self, what: &str) {
        let status = self.start().wait().unwrap();
        let log = fs::read_to_string(self.path("log")).unwrap();
        assert!(status.success(), "{what}: {status}\n{log}");
    }

    fn rows(&self) -> Rows {
        SINKS.iter().map(|sink| (sink.to_string(), visible(&self.path("out").join(sink)))).collect()
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
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    assert!(path.exists(), "{path:?} is not there: run `cargo test`, which builds the examples");
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

#[test]
fn kill_9_at_random_times_loses_nothing_and_doubles_nothing() {
    let wanted: u32 = std::env::var("MILLSTREAM_KILLS").map_or(20, |n| n.parse().unwrap());
    let world = World::new();
    let began = Instant::now();
    world.to_the_end("undisturbed");
    let (whole, expected) = (began.elapsed(), world.rows());
    assert!(expected["paths"].len() > 1000 && expected["sessions"].len() > 100);
    let mut random = millstream::runtime::run::Jitter::new(u64::from(wanted));
    let (mut kills, mut runs) = (0, 0);
    while kills < wanted {
        world.forget();
        runs += 1;
        for _ in 0..10 {
            let mut job = world.start();
            let after = whole.mul_f64(random.below(900) as f64 / 1000.0) + Duration::from_millis(1);
            std::thread::sleep(after);
            if job.try_wait().unwrap().is_some() {
                break;
            }
            job.kill().unwrap();
            job.wait().unwrap();
            kills += 1;
        }
        world.to_the_end("after the last kill");
        for (sink, want) in &expected {
            let (lost, extra) = difference(want, &world.rows()[sink]);
            let first = (lost.first(), extra.first());
            assert!(
                lost.is_empty() && extra.is_empty(),
                "{sink}, run {runs}: lost {}, doubled or new {}: {first:?}",
                lost.len(),
                extra.len()
            );
        }
    }
    println!("{kills} kills over {runs} runs: nothing lost, nothing doubled; undisturbed {whole:.1?}");
}
