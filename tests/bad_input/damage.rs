//! Checkpoint files that were damaged after they were written.
use crate::world::{TRAFFIC, World, files, part, same, undisturbed};
use std::fs;
use std::path::{Path, PathBuf};

/// The state and the output after a kill, to try several things with.
struct Killed {
    world: World,
}

impl Killed {
    fn new() -> Self {
        let world = World::new();
        world.kill_after(3, &[&TRAFFIC[..], &["--keep", "100"]].concat());
        copy(&world.state, &world.path("state.kept"));
        copy(&world.out, &world.path("out.kept"));
        Self { world }
    }

    /// As it was after the kill.
    fn again(&self) -> &World {
        for name in ["state", "out"] {
            fs::remove_dir_all(self.world.path(name)).unwrap();
            copy(&self.world.path(&format!("{name}.kept")), &self.world.path(name));
        }
        &self.world
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

fn flip(path: &Path, place: usize) {
    let mut bytes = fs::read(path).unwrap();
    let at = place.min(bytes.len() - 1);
    bytes[at] ^= 16;
    fs::write(path, bytes).unwrap();
}

fn truncate(path: &Path) {
    let len = fs::metadata(path).unwrap().len();
    fs::File::options().write(true).open(path).unwrap().set_len(len / 2).unwrap();
}

/// The newest data file; one with `#` in its name is half written.
fn data(world: &World) -> PathBuf {
    let whole = |path: &PathBuf| !name(path).contains('#');
    files(&world.state.join("data")).into_iter().rfind(whole).unwrap()
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap()
}

#[test]
fn a_damaged_checkpoint_is_refused_by_name_and_an_older_one_can_be_taken() {
    let (killed, wanted) = (Killed::new(), undisturbed());
    let harm: [fn(&Path); 3] = [|path| flip(path, 40), |path| flip(path, usize::MAX), truncate];
    for harm in harm {
        let world = killed.again();
        let newest = world.manifests().pop().unwrap();
        harm(&newest);
        let older = world.manifests().iter().rev().nth(1).map(|path| number(path)).unwrap();
        let restore = format!("`--restore {older}` takes an older one");
        world.fail(&TRAFFIC, 2, &[name(&newest), "is damaged at byte", &restore]);
        part(&world.rows(), &wanted);
    }
}

fn number(manifest: &Path) -> u64 {
    name(manifest).split('.').next().unwrap().parse().unwrap()
}

#[test]
fn a_damaged_data_file_is_refused_by_name_and_what_was_committed_stays() {
    let (killed, wanted) = (Killed::new(), undisturbed());
    let places: [fn(&Path); 4] =
        [|path| flip(path, 0), |path| flip(path, 300), |path| flip(path, usize::MAX), truncate];
    for harm in places {
        let world = killed.again();
        let newest = data(world);
        harm(&newest);
        let ended = world.run(&TRAFFIC);
        if ended.code == Some(0) {
            same(&world.rows(), &wanted); // the file was of a checkpoint that did not become durable
        } else {
            ended.says(2, &[name(&newest), "--restore"]);
            part(&world.rows(), &wanted);
        }
    }
    let world = killed.again();
    let newest = data(world);
    fs::remove_file(&newest).unwrap();
    let ended = world.run(&TRAFFIC);
    if ended.code != Some(0) {
        ended.says(2, &[name(&newest), "does not exist", "--restore"]);
    }
    same(&killed.again().finish(&TRAFFIC), &wanted);
}
