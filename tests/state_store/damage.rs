//! No damage to a file of a checkpoint reaches user code.
use millstream::job::launch;
use millstream::prelude::*;
use millstream::runtime::run::failpoint::Failpoint;
use millstream::runtime::run::{Jitter, Options, Outcome, Pace, RestoreFrom, RunError};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// A folder in memory where there is one: each damage is a run with some twenty fsyncs.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// A job that counts how often user code is called with a record.
pub(crate) struct Counted {
    folder: tempfile::TempDir,
    calls: Arc<AtomicU64>,
}

impl Counted {
    pub(crate) fn new() -> Self {
        Self { folder: folder(), calls: Arc::default() }
    }

    pub(crate) fn state(&self) -> std::path::PathBuf {
        self.path("state")
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn run(&self, restore: RestoreFrom, dies: Option<Arc<Failpoint>>) -> Result<Outcome, RunError> {
        let mut options = Options::new("counted", self.state().to_string_lossy());
        options.workers = 2;
        options.restore = restore;
        options.failpoint = dies;
        options.pace = Pace { interval: Some(Duration::from_millis(5)), ..Pace::default() };
        let (calls, out) = (Arc::clone(&self.calls), self.folder.path().join("out"));
        launch(&options, move |job| {
            let calls = Arc::clone(&calls);
            let numbers = job.source("numbers", generate(4_000, |n| n).rate(40_000).splits(2));
            let seen = numbers.inspect(move |_| {
                calls.fetch_add(1, SeqCst);
            });
            let counts = seen.key_by(|n| n % 500).process_fn("counts", |key, count: &mut u64, _, out| {
                *count += 1;
                out.emit((*key, *count));
            });
            counts.sink("out", Files::write(&out, Json));
            Ok(())
        })
    }

    pub(crate) fn rows(&self) -> Vec<String> {
        let files = fs::read_dir(self.folder.path().join("out")).into_iter().flatten().map(|file| file.unwrap().path());
        let visible = files.filter(|path| path.extension().is_some_and(|e| e == "jsonl"));
        let mut rows: Vec<String> = visible
            .flat_map(|path| fs::read_to_string(path).unwrap().lines().map(String::from).collect::<Vec<_>>())
            .collect();
        rows.sort();
        rows
    }
}

/// Every file below a folder, by its path in it.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![root.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                    found.insert(name, fs::read(&path).unwrap());
                }
            }
        }
    }
    found
}

fn put_back(root: &Path, files: &BTreeMap<String, Vec<u8>>) {
    let _ = fs::remove_dir_all(root); // it is not there at first
    for (name, bytes) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// So many jobs may be over before they die.
const TRIES: usize = 20;

/// A job that died between two checkpoints, and all its files. Where the machine is busy, it may be over before its sixth
/// checkpoint is: then another one is tried.
pub(crate) fn half_done() -> (Counted, BTreeMap<String, Vec<u8>>) {
    for _ in 0..TRIES {
        let job = Counted::new();
        match job.run(RestoreFrom::Latest, Some(Failpoint::new("committed.before", 6))) {
            Ok(Outcome::Finished) => continue,
            died => assert!(matches!(died, Err(RunError::Killed(_))), "{died:?}"),
        }
        let all = files(job.folder.path());
        assert!(all.keys().filter(|name| name.starts_with("state/data/")).count() >= 5, "{:?}", all.keys());
        return (job, all);
    }
    panic!("{TRIES} jobs were over before their sixth checkpoint");
}

/// A flipped bit, or a cut; one in twelve is emptied.
fn damage(bytes: &[u8], random: &mut Jitter) -> Vec<u8> {
    if random.below(12) == 0 {
        return vec![];
    }
    let at = random.below(bytes.len() as u64) as usize;
    if random.below(3) == 0 {
        return bytes[..at].to_vec();
    }
    let mut bad = bytes.to_vec();
    bad[at] ^= 1 << random.below(8);
    bad
}

/// 1,000 times where MILLSTREAM_DAMAGES says so.
#[test]
fn damage_is_found_before_user_code_runs_or_has_no_effect() {
    let times: u64 = std::env::var("MILLSTREAM_DAMAGES").map_or(150, |n| n.parse().unwrap());
    let (job, whole) = half_done();
    assert!(matches!(job.run(RestoreFrom::Latest, None), Ok(Outcome::Finished)));
    let expected = job.rows();
    assert_eq!(expected.len(), 4_000);
    let names: Vec<&String> = whole.keys().filter(|name| name.starts_with("state/")).collect();
    let (mut random, mut found) = (Jitter::new(7), 0);
    for time in 0..times {
        let name = names[random.below(names.len() as u64) as usize];
        let bytes = damage(&whole[name], &mut random);
        put_back(job.folder.path(), &whole);
        fs::write(job.folder.path().join(name), bytes).unwrap();
        let before = job.calls.load(SeqCst);
        match job.run(RestoreFrom::Latest, None) {
            Ok(_) => assert_eq!(job.rows(), expected, "{time}: {name} was damaged, and had an effect"),
            Err(RunError::Refused(what)) => {
                found += 1;
                let file = name.rsplit('/').next().unwrap();
                assert!(what.contains(file), "{time}: {name} was damaged: {what}");
                assert_eq!(job.calls.load(SeqCst), before, "{time}: user code ran, {name} was damaged: {what}");
                put_back(&job.state(), &files(&job.state()));
            }
            Err(e) => panic!("{time}: {name} was damaged: {e}"),
        }
    }
    println!("{times} damages, {found} found at the start, the others had no effect");
    assert!(found > times / 4, "{found} of {times}");
}

#[test]
fn an_older_checkpoint_is_taken_only_if_asked_for() {
    let (job, whole) = half_done();
    let mut manifests = whole.keys().filter(|name| name.starts_with("state/manifests/")).rev();
    let newest = manifests.next().unwrap();
    let older = manifests.next().unwrap();
    let number: u64 = older.rsplit('/').next().unwrap().trim_end_matches(".manifest").parse().unwrap();
    let newest_file = whole.keys().rfind(|name| name.starts_with("state/data/")).unwrap();
    for name in [newest, newest_file] {
        put_back(job.folder.path(), &whole);
        let mut bad = whole[name].clone();
        bad[100] ^= 1;
        fs::write(job.folder.path().join(name), bad).unwrap();
        let refused = job.run(RestoreFrom::Latest, None).unwrap_err().to_string();
        assert!(refused.contains("--restore"), "{refused}");
        let taken = job.run(RestoreFrom::Number(number), None);
        assert!(matches!(taken, Ok(Outcome::Finished)), "{taken:?}");
    }
}
