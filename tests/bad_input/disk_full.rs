//! A disk that is full, under the output and under the state: a small file system in memory, which only root can mount.
use crate::world::{TRAFFIC, World, part, same, undisturbed};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system of its own.
struct Disk(PathBuf);

impl Disk {
    /// None where this user may not; in CI that is an error.
    fn mount(at: PathBuf, kilobytes: u32) -> Option<Self> {
        fs::create_dir_all(&at).unwrap();
        let size = format!("size={kilobytes}k");
        let mounted = mount(&["-t", "tmpfs", "-o", &size, "millstream-test"], &at);
        if !mounted {
            let what = "disk full: this user cannot mount a file system (root can)";
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{what}");
            let _ = writeln!(std::io::stderr(), "!!! SKIPPED: {what}"); // not captured, as eprintln! would be
        }
        mounted.then_some(Self(at))
    }

    fn grow(&self, kilobytes: u32) {
        assert!(mount(&["-o", &format!("remount,size={kilobytes}k")], &self.0));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(options: &[&str], at: &Path) -> bool {
    Command::new("mount").args(options).arg(at).output().is_ok_and(|out| out.status.success())
}

/// Fills up, says so and fails; with room it goes on where it was.
fn fills_up(world: &World, disk: &Disk, words: &[&str]) {
    let wanted = undisturbed();
    let ended = world.run(&TRAFFIC);
    ended.says(1, words);
    assert!(ended.said.contains("No space left on device"), "{}", ended.said);
    part(&world.rows(), &wanted);
    let before = world.rows();
    let again = world.run(&TRAFFIC);
    assert!(matches!(again.code, Some(1 | 2)), "it is still full: {}", again.said);
    assert!(again.said.contains("No space left on device"), "{}", again.said);
    for (sink, rows) in before {
        assert!(world.rows()[sink].len() >= rows.len(), "what was committed stays");
    }
    disk.grow(200_000);
    same(&world.finish(&TRAFFIC), &wanted);
}

#[test]
fn a_full_disk_under_the_output_loses_and_doubles_nothing() {
    let world = World::new();
    let Some(disk) = Disk::mount(world.out.clone(), 1_000) else { return };
    fills_up(&world, &disk, &["/out/"]);
}

#[test]
fn a_full_disk_under_the_state_loses_and_doubles_nothing() {
    let world = World::new();
    let Some(disk) = Disk::mount(world.state.clone(), 1_000) else { return };
    fills_up(&world, &disk, &["checkpoint"]);
}
