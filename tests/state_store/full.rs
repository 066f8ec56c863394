//! A disk that fills up: that of checkpoints, and that of state larger than memory.
use crate::job::{Job, assert_same};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const FLAGS: &str = "--records 60000 --seed 3 --checkpoint-interval 200ms";

/// A small file system in memory.
struct Small(tempfile::TempDir);

impl Small {
    /// None where this process may not mount.
    fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "none"]).arg(folder.path()).output();
        mount.ok()?.status.success().then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Leaves no free byte.
    fn fill(&self) {
        let mut ballast = File::create(self.path().join("ballast")).unwrap();
        while ballast.write_all(&[7; 4096]).is_ok() {}
    }

    fn empty(&self) {
        std::fs::remove_file(self.path().join("ballast")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status(); // the folder says it if it is still there
    }
}

#[test]
fn a_full_disk_loses_nothing() {
    let Some(small) = Small::mount("64m") else {
        eprintln!("!!! SKIPPED: a small file system cannot be mounted; run as root");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let expected = Job::new(folder.path().to_str().unwrap(), FLAGS).to_the_end();
    let state = small.path().join("state");
    let job = Job::new(state.to_str().unwrap(), &format!("{FLAGS} --rate 8000"));
    let process = job.start();
    std::thread::sleep(Duration::from_secs(2));
    small.fill();
    job.wait_for("No space left");
    std::thread::sleep(Duration::from_secs(2));
    small.empty();
    // It may have stopped with a clear error meanwhile: then it is started again.
    if !process.end() {
        assert!(job.log().contains("error: "), "{}", job.log());
        job.to_the_end();
    }
    assert_same(&expected, &job.rows());
}

#[test]
fn a_full_scratch_folder_is_named_and_nothing_is_lost() {
    let Some(small) = Small::mount("256m") else {
        eprintln!("!!! SKIPPED: a small file system cannot be mounted; run as root");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let expected = Job::new(folder.path().to_str().unwrap(), FLAGS).to_the_end();
    let (state, scratch) = (tempfile::tempdir().unwrap(), small.path().join("scratch"));
    let flags = format!("{FLAGS} --rate 8000 --state-backend disk --state-memory 1MiB --scratch {}", scratch.display());
    let job = Job::new(state.path().to_str().unwrap(), &flags);
    let process = job.start();
    std::thread::sleep(Duration::from_secs(1));
    small.fill();
    job.wait_for(&scratch.display().to_string());
    small.empty();
    // Where no attempt of the process had room it has stopped: then it is started again.
    if !process.end() {
        assert!(job.log().contains("error: "), "{}", job.log());
        job.to_the_end();
    }
    assert!(job.log().contains("give another one with --scratch"), "{}", job.log());
    assert_same(&expected, &job.rows());
}
