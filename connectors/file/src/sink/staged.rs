//! The folder of a sink: hidden files, visible ones, and the step between.
use millstream_runtime::Result;
use millstream_runtime::checkpoint::random_id;
use millstream_runtime::data::{Schema, State};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A file that a checkpoint promises: written and on disk, under a hidden name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedFile {
    /// Its name until the commit.
    pub hidden: String,
    /// Its name from then on.
    pub visible: String,
    /// How many bytes it has.
    pub len: u64,
}

impl State for StagedFile {
    const SCHEMA: Schema = Schema::new("StagedFile", 1, "{hidden:String,visible:String,len:u64}");
}

/// What a commit has to do.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Rename,
    Done,
    Refuse(String),
}

/// A folder for output.
#[derive(Clone, Debug)]
pub(super) struct Folder(PathBuf);

impl From<&Path> for Folder {
    fn from(path: &Path) -> Self {
        LazyLock::force(&PROCESS); // before any attempt begins
        Self(path.into())
    }
}

impl Folder {
    /// Where a file of the folder is.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Makes it where there is none, durably.
    pub(super) fn make(&self) -> Result<()> {
        let fails = |e: io::Error| format!("{}: cannot make the folder for the output: {e}", self.0.display());
        let missing = |path: &&Path| !path.as_os_str().is_empty() && !path.is_dir();
        let missing: Vec<&Path> = self.0.ancestors().take_while(missing).collect();
        fs::create_dir_all(&self.0).map_err(fails)?;
        for made in missing {
            let parent = made.parent().filter(|p| !p.as_os_str().is_empty());
            sync_folder(parent.unwrap_or(Path::new("."))).map_err(fails)?;
        }
        Ok(())
    }

    /// Makes and removes a file.
    pub(super) fn check_writable(&self, worker: usize) -> Result<()> {
        let probe = self.file(&format!(".probe-{worker:04}"));
        let made = File::create(&probe).and_then(|_| match fs::remove_file(&probe) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        });
        Ok(made.map_err(|e| format!("{}: cannot write to the folder for the output: {e}", self.0.display()))?)
    }

    /// Removes what an earlier attempt left hidden and no checkpoint promises. Files that are younger than this process may
    /// be those of a newer attempt, in other processes: this one was stopped for a while, and does not know it yet.
    pub(super) fn remove_stale(&self, extension: &str, staged: &[StagedFile]) -> Result<()> {
        let fails = |e: io::Error| format!("{}: cannot remove stale hidden files: {e}", self.0.display());
        let mut removed = 0;
        for entry in fs::read_dir(&self.0).map_err(fails)? {
            let entry = entry.map_err(fails)?;
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|n| is_hidden_name(n, extension) && is_stale(n)) else { continue };
            if staged.iter().all(|s| s.hidden != name) {
                fs::remove_file(entry.path()).map_err(fails)?;
                removed += 1;
            }
        }
        if removed > 0 {
            tracing::info!("{}: removed {removed} hidden files of an earlier attempt", self.0.display());
        }
        Ok(())
    }

    /// Makes a staged file visible. A second time it finds that done.
    pub(super) fn commit(&self, staged: &StagedFile) -> Result<()> {
        let (hidden, visible) = (self.file(&staged.hidden), self.file(&staged.visible));
        let fails = |e: io::Error| format!("{}: cannot be made visible: {e}", visible.display());
        let lengths = (length(&hidden).map_err(fails)?, length(&visible).map_err(fails)?);
        match step(lengths.0, lengths.1, staged.len) {
            Step::Refuse(why) => return Err(format!("{}: {why}", visible.display()).into()),
            Step::Rename => fs::rename(&hidden, &visible).map_err(fails)?,
            Step::Done => {}
        }
        Ok(sync_folder(&self.0).map_err(fails)?)
    }

    /// Flushes names to disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        sync_folder(&self.0)
    }
}

/// Decides by the lengths of the hidden and the visible file, where they exist.
fn step(hidden: Option<u64>, visible: Option<u64>, promised: u64) -> Step {
    match (hidden, visible) {
        (Some(len), None) if len == promised => Step::Rename,
        (None, Some(len)) if len == promised => Step::Done,
        (Some(len), None) => Step::Refuse(format!("its hidden file has {len} bytes, the checkpoint says {promised}")),
        (None, Some(len)) => Step::Refuse(format!("has {len} bytes, the checkpoint says {promised}: it was changed")),
        (Some(_), Some(_)) => {
            Step::Refuse("is there already, and not of this run: give each sink of each job a folder of its own".into())
        }
        (None, None) => Step::Refuse("neither it nor its hidden file is there: the output was removed".into()),
    }
}

/// A hidden name that no other attempt, process or worker takes.
pub(super) fn hidden_name(worker: usize, extension: &str) -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let (nanos, counter) = (nanos(), COUNTER.fetch_add(1, Ordering::Relaxed));
    format!(".part-{nanos:016x}-{}-{counter:x}-{worker:04}.{extension}.tmp", PROCESS.token)
}

/// This process, among all that write to a folder.
struct Process {
    began: u64,
    token: String,
}

static PROCESS: LazyLock<Process> = LazyLock::new(|| Process { began: nanos(), token: random_id() });

fn nanos() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64)
}

/// Whether a hidden file is of this process, or older than it.
fn is_stale(name: &str) -> bool {
    let mut parts = name.split('-').skip(1);
    let made = parts.next().and_then(|nanos| u64::from_str_radix(nanos, 16).ok());
    made.is_none_or(|made| made < PROCESS.began) || parts.next() == Some(&PROCESS.token)
}

/// The name at and after the commit.
pub(super) fn visible_name(number: u64, worker: usize, extension: &str) -> String {
    format!("part-{number:010}-{worker:04}.{extension}")
}

fn is_hidden_name(name: &str, extension: &str) -> bool {
    name.strip_prefix(".part-").is_some_and(|rest| rest.ends_with(&format!(".{extension}.tmp")))
}

fn length(path: &Path) -> io::Result<Option<u64>> {
    match fs::metadata(path) {
        Ok(meta) => Ok(Some(meta.len())),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_goes_on_only_from_what_was_promised() {
        assert_eq!(step(Some(5), None, 5), Step::Rename);
        assert_eq!(step(None, Some(5), 5), Step::Done);
        for refused in [step(Some(4), None, 5), step(None, Some(6), 5), step(Some(5), Some(5), 5), step(None, None, 5)]
        {
            assert!(matches!(refused, Step::Refuse(_)), "{refused:?}");
        }
    }

    #[test]
    fn hidden_names_are_told_from_others() {
        assert!(is_hidden_name(&hidden_name(3, "jsonl"), "jsonl"));
        for other in [".part-1.csv.tmp", "part-0000000001-0000.jsonl", ".probe-0000", ".part-.jsonl"] {
            assert!(!is_hidden_name(other, "jsonl"), "{other}");
        }
        assert_ne!(hidden_name(0, "jsonl"), hidden_name(0, "jsonl"));
    }

    #[test]
    fn what_another_process_has_begun_since_is_not_stale() {
        let theirs = |nanos: u64| format!(".part-{nanos:016x}-0123456789abcdef-0-0001.jsonl.tmp");
        let now = nanos();
        assert!(is_stale(&hidden_name(1, "jsonl")), "of this process: an attempt before");
        assert!(is_stale(&theirs(PROCESS.began - 1)));
        assert!(!is_stale(&theirs(now + 1_000_000)), "a newer attempt runs elsewhere");
        assert!(is_stale(".part-x.jsonl.tmp"), "of no version of this sink");
    }
}
