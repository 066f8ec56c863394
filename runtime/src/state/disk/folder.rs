//! The scratch folder of a process, and what was left by those that were killed.
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// How the folder of a process begins; what is behind it is made up.
const PREFIX: &str = "millstream-scratch-";

/// Of the file beside a folder that the process holds which owns it: there before the folder, and longer.
const LOCK: &str = "lock";

/// So often is a lock made anew, where another process takes it for one that was left.
const TRIES: usize = 10;

/// A folder that goes with its process.
pub(super) struct OwnFolder {
    pub path: PathBuf,
    _lock: File,
}

impl OwnFolder {
    /// Makes one.
    pub fn make(below: &Path) -> io::Result<Self> {
        fs::create_dir_all(below)?;
        for _ in 0..TRIES {
            let path = below.join(format!("{PREFIX}{}", crate::checkpoint::random_id()));
            if let Some(lock) = take(&path.with_extension(LOCK))? {
                fs::create_dir(&path)?;
                return Ok(Self { path, _lock: lock });
            }
        }
        Err(io::Error::other(format!("other processes have removed {TRIES} locks that were just made")))
    }
}

impl Drop for OwnFolder {
    fn drop(&mut self) {
        if let Err(e) = remove(&self.path.with_extension(LOCK)) {
            tracing::warn!("the scratch folder {} cannot be removed: {e}", self.path.display());
        }
    }
}

/// Makes a lock and takes it; none where another process has taken it first, for one that was left, and removed it.
fn take(path: &Path) -> io::Result<Option<File>> {
    let lock = File::create(path)?;
    lock.lock()?;
    Ok(path.exists().then_some(lock))
}

/// Removes those of processes that are gone.
pub(super) fn remove_left(below: &Path) {
    // Where nothing can be listed nothing is left, or the job says so once it needs the folder.
    for entry in fs::read_dir(below).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with(PREFIX) && path.extension().is_some_and(|e| e == LOCK) {
            remove_if_left(&path);
        }
    }
}

fn remove_if_left(lock: &Path) {
    let Ok(held) = File::open(lock) else { return }; // removed meanwhile
    let removed = match held.try_lock() {
        Ok(()) => remove(lock),
        Err(TryLockError::WouldBlock) => return,
        Err(TryLockError::Error(e)) => Err(e),
    };
    if let Err(e) = removed {
        tracing::warn!("{} was left by a process that is gone, and cannot be removed: {e}", lock.display());
    }
}

/// The folder first: killed in between, this process too leaves what the next one finds.
fn remove(lock: &Path) -> io::Result<()> {
    let was_there = |removed: io::Result<()>| match removed {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    };
    was_there(fs::remove_dir_all(lock.with_extension("")))?;
    was_there(fs::remove_file(lock))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_with_its_process_or_with_the_next_one() {
        let below = tempfile::tempdir().unwrap();
        let at = |name: &str| below.path().join(name);
        fs::create_dir(at("millstream-scratch-left")).unwrap();
        fs::write(at("millstream-scratch-left").join("rows"), "").unwrap();
        fs::write(at("millstream-scratch-left.lock"), "").unwrap();
        fs::write(at("millstream-scratch-without-a-folder.lock"), "").unwrap();
        fs::write(at("somebody-elses.lock"), "").unwrap();
        let (first, second) = (OwnFolder::make(below.path()).unwrap(), OwnFolder::make(below.path()).unwrap());
        remove_left(below.path());
        assert!(first.path.exists() && second.path.exists() && !at("millstream-scratch-left").exists());
        drop((first, second));
        let left: Vec<_> = fs::read_dir(below.path()).unwrap().map(|left| left.unwrap().file_name()).collect();
        assert_eq!(left, ["somebody-elses.lock"]);
        remove_left(&at("not-there"));
    }

    #[test]
    fn processes_that_start_at_once_leave_each_others_folders_alone() {
        let below = tempfile::tempdir().unwrap();
        let start = || {
            remove_left(below.path());
            OwnFolder::make(below.path()).unwrap()
        };
        std::thread::scope(|threads| {
            let starting: Vec<_> = (0..8).map(|_| threads.spawn(|| [(); 20].map(|()| start()))).collect();
            for folder in starting.into_iter().flat_map(|started| started.join().unwrap()) {
                assert!(folder.path.exists() && folder.path.with_extension(LOCK).exists());
            }
        });
    }
}
