//! A folder with a pipeline in it, and the program.
use crate::schemas::{ORDER, descriptors};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder of one test.
pub struct World(tempfile::TempDir);

/// What a call came to.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl World {
    /// With this `pipeline.toml`.
    pub fn new(pipeline: &str) -> Self {
        let world = Self(tempfile::tempdir().unwrap());
        world.write("pipeline.toml", pipeline);
        world
    }

    /// With the schemas of [`schemas`](crate::schemas) beside it.
    pub fn with_schemas(pipeline: &str) -> Self {
        let world = Self::new(pipeline);
        world.write("order.avsc", ORDER);
        std::fs::write(world.path("shop.binpb"), descriptors()).unwrap();
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_millstream"));
        command.args(arguments).current_dir(self.0.path()).env_remove("RUST_LOG");
        command
    }

    /// Calls the program in the folder.
    pub fn call(&self, arguments: &[&str]) -> Said {
        Said::of(self.command(arguments).output().unwrap())
    }

    /// Runs the pipeline to its end, which must come.
    pub fn run(&self) -> Said {
        let said = self.call(&["run", "pipeline.toml"]);
        assert_eq!(said.code, 0, "{}", said.err);
        said
    }

    /// Checks the pipeline, which must be refused; gives what is said.
    pub fn refused(&self) -> String {
        let said = self.call(&["check", "pipeline.toml"]);
        assert_eq!(said.code, 2, "{}{}", said.out, said.err);
        said.err
    }

    /// Runs the pipeline, whose first attempt must fail; gives what is said.
    pub fn fails(&self) -> String {
        let said = self.call(&["run", "pipeline.toml", "--restarts", "0"]);
        assert_eq!(said.code, 1, "{}{}", said.out, said.err);
        said.err
    }

    /// The lines of all visible files of a folder, sorted.
    pub fn lines(&self, folder: &str) -> Vec<String> {
        let mut lines: Vec<String> = visible(&self.path(folder))
            .iter()
            .flat_map(|file| std::fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        lines.sort();
        lines
    }
}

impl Said {
    pub fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}

fn visible(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return vec![] };
    let files = entries.map(|entry| entry.unwrap().path());
    files.filter(|file| !file.file_name().unwrap().to_string_lossy().starts_with('.')).collect()
}
