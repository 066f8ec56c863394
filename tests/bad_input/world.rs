//! The example `access_log` in folders of its own.
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Rows by sink, sorted.
pub type Rows = BTreeMap<&'static str, Vec<String>>;

const SINKS: [&str; 4] = ["paths", "sessions", "dead_letters", "late"];

/// Made-up traffic that takes at least a second, so that there is something to kill.
pub const TRAFFIC: [&str; 6] = ["--records", "200000", "--seed", "5", "--rate", "200000"];

pub struct World {
    pub folder: tempfile::TempDir,
    pub out: PathBuf,
    pub state: PathBuf,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub said: String,
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (out, state) = (folder.path().join("out"), folder.path().join("state"));
        Self { folder, out, state }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file of the test.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), text).unwrap();
        self.path(name).to_str().unwrap().into()
    }

    pub fn start(&self, argv: &[&str]) -> Child {
        let log = fs::File::create(self.path("log")).unwrap();
        let mut job = Command::new(example("access_log"));
        job.args(argv).arg("--out").arg(&self.out).arg("--state").arg(&self.state);
        job.args(["--checkpoint-interval", "50ms", "--restart-backoff", "10ms"]);
        job.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
    }

    pub fn wait(&self, mut job: Child) -> Ended {
        let code = job.wait().unwrap().code();
        let said = fs::read_to_string(self.path("log")).unwrap();
        assert!(!said.contains("panicked"), "{said}");
        Ended { code, said }
    }

    pub fn run(&self, argv: &[&str]) -> Ended {
        self.wait(self.start(argv))
    }

    /// It must end well.
    pub fn finish(&self, argv: &[&str]) -> Rows {
        let ended = self.run(argv);
        assert_eq!(ended.code, Some(0), "{}", ended.said);
        self.rows()
    }

    /// It must end with this code, and say these words.
    pub fn fail(&self, argv: &[&str], code: i32, words: &[&str]) {
        self.run(argv).says(code, words);
    }

    /// Kills the job, as `kill -9`, once so many checkpoints are there.
    pub fn kill_after(&self, checkpoints: usize, argv: &[&str]) {
        let mut job = self.start(argv);
        until("checkpoints", || self.manifests().len() >= checkpoints);
        job.kill().unwrap();
        job.wait().unwrap();
    }

    /// The manifests that are there, oldest first.
    pub fn manifests(&self) -> Vec<PathBuf> {
        let all = files(&self.state.join("manifests")).into_iter();
        all.filter(|path| path.extension().is_some_and(|e| e == "manifest")).collect() // others are half written
    }

    /// The committed rows; what is visible is whole.
    pub fn rows(&self) -> Rows {
        SINKS.into_iter().map(|sink| (sink, visible(&self.out.join(sink)))).collect()
    }
}

impl Ended {
    pub fn says(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.said);
        words.iter().for_each(|word| assert!(self.said.contains(word), "{word:?} is not in: {}", self.said));
    }
}

/// What the traffic of [`TRAFFIC`] comes to when nothing goes wrong.
pub fn undisturbed() -> Rows {
    static ROWS: std::sync::OnceLock<Rows> = std::sync::OnceLock::new();
    let rows = ROWS.get_or_init(|| World::new().finish(&TRAFFIC));
    assert!(rows["paths"].len() > 1000);
    rows.clone()
}

/// 0 lost, 0 doubled.
pub fn same(found: &Rows, wanted: &Rows) {
    for (sink, wanted) in wanted {
        let found = &found[sink];
        assert!(found == wanted, "{sink}: {} rows, {} wanted", found.len(), wanted.len());
    }
}

/// Nothing is there that should not be, though more may be to come.
pub fn part(found: &Rows, wanted: &Rows) {
    for (sink, found) in found {
        let mut left = wanted[sink].iter();
        assert!(found.iter().all(|row| left.any(|wanted| wanted == row)), "{sink}: doubled or wrong rows");
    }
}

pub fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(60), "no {what} in a minute");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn files(folder: &Path) -> Vec<PathBuf> {
    let all = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut all: Vec<PathBuf> = all.filter(|path| path.is_file()).collect();
    all.sort();
    all
}

fn visible(folder: &Path) -> Vec<String> {
    let rows = files(folder).into_iter().filter(|path| {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        !hidden && path.extension().is_some_and(|e| e == "jsonl")
    });
    let texts = rows.map(|path| fs::read_to_string(path).unwrap());
    let mut rows: Vec<String> = texts
        .flat_map(|text| {
            assert!(text.is_empty() || text.ends_with('\n'), "half a line");
            text.lines().map(String::from).collect::<Vec<_>>()
        })
        .collect();
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
