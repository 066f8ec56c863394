//! The files of the git tree, each read once.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use super::mask::Masked;

/// One file of the tree.
pub(super) struct File {
    /// Path from the root of the repository, with `/`.
    pub(super) path: String,
    /// Size in bytes.
    pub(super) size: usize,
    /// The text, or nothing if it is not UTF-8.
    pub(super) text: String,
    /// Code and comments apart, of Rust files only.
    pub(super) rust: Option<Masked>,
}

impl File {
    /// A file with this content; masks it if it is a Rust file.
    pub(super) fn new(path: &str, bytes: Vec<u8>) -> Self {
        let size = bytes.len();
        let text = String::from_utf8(bytes).unwrap_or_default();
        let rust = path.ends_with(".rs").then(|| Masked::new(&text));
        Self { path: path.to_owned(), size, text, rust }
    }

    /// Tests may be long: a file below a `tests` folder, or a `tests.rs` beside the code.
    pub(super) fn is_test(&self) -> bool {
        self.path.starts_with("tests/") || self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    /// The folder of the file; empty for the root.
    pub(super) fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    #[cfg(test)]
    pub(super) fn of(path: &str, text: &str) -> Self {
        Self::new(path, text.as_bytes().to_vec())
    }
}

/// All files of the tree.
pub(super) struct Tree {
    pub(super) files: Vec<File>,
}

impl Tree {
    /// Reads what git tracks plus what it neither tracks nor ignores.
    pub(super) fn read(root: &Path) -> io::Result<Self> {
        let listed = Command::new("git")
            .arg("-C")
            .arg(root)
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"])
            .output()?;
        if !listed.status.success() {
            let message = String::from_utf8_lossy(&listed.stderr).into_owned();
            return Err(io::Error::other(format!("git ls-files: {}", message.trim())));
        }
        let names = String::from_utf8(listed.stdout).map_err(io::Error::other)?;
        let mut files = Vec::new();
        for name in names.split_terminator('\0') {
            let path = root.join(name);
            // Deleted but still in the index, a link or a submodule: nothing to read here.
            if fs::symlink_metadata(&path).is_ok_and(|found| found.is_file()) {
                files.push(File::new(name, fs::read(&path)?));
            }
        }
        Ok(Self { files })
    }

    /// The file at this path, if there is one.
    pub(super) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        Self { files: files.iter().map(|(path, text)| File::of(path, text)).collect() }
    }
}
