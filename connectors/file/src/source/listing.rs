//! Which files there are, and where one is now.
use crate::source::split::{FileSplit, Head, HeadCheck, Inode};
use crate::source::{MAX_FILES, STDIN};
use millstream_runtime::Result;
use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// What the last listing saw, so that a file's head is read once and not every second.
#[derive(Clone, Debug, Default)]
pub(super) struct Listing {
    known: HashMap<Inode, FileSplit>,
    /// Whether every path was there once: then a file may be missing for the moment of a rotation.
    complete: bool,
}

impl Listing {
    /// The files of all paths, in their order, each once. While following, a file is none until its first line, or the
    /// first KiB of it, is there.
    pub(super) fn splits(&mut self, paths: &[String], follow: bool) -> Result<Vec<FileSplit>> {
        let mut seen = BTreeSet::new();
        let mut known = HashMap::new();
        let mut splits = vec![];
        for path in paths.iter().filter(|p| *p != STDIN) {
            for file in files(path, follow && self.complete)? {
                let split = self.split(&file, follow).map_err(|e| format!("{file}: cannot be read: {e}"))?;
                let Some(split) = split else { continue };
                known.insert(split.inode(), split.clone());
                if seen.insert(split.clone()) {
                    splits.push(split);
                }
            }
        }
        (self.known, self.complete) = (known, true);
        Ok(splits)
    }

    /// The split that a file is. None where there is nothing to read yet, or the file has just gone.
    fn split(&self, path: &str, follow: bool) -> io::Result<Option<FileSplit>> {
        let Some(meta) = present(fs::metadata(path))? else { return Ok(None) };
        if !meta.is_file() || meta.len() == 0 {
            return Ok(None);
        }
        let known = self.known.get(&Inode::of(&meta));
        if let Some(known) = known.filter(|_| Inode::of(&meta).is_unique() && follow) {
            return Ok(Some(known.at(path)));
        }
        let Some(file) = present(File::open(path))? else { return Ok(None) };
        let head = Head::read(&file)?;
        if follow && !head.is_final() {
            return Ok(None);
        }
        Ok(Some(FileSplit::of(path, Inode::of(&file.metadata()?), &head)))
    }
}

/// The files of a path, sorted by name.
fn files(path: &str, may_be_missing: bool) -> Result<Vec<String>> {
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == ErrorKind::NotFound && may_be_missing => return Ok(vec![]),
        Err(e) => return Err(format!("{path}: no input there: {e}").into()),
    };
    if meta.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    if meta.is_dir() {
        return files_in(Path::new(path));
    }
    Err(format!("{path}: is neither a file nor a folder; pipe it in and read - instead").into())
}

/// The files of a folder that are not hidden, sorted by name.
fn files_in(folder: &Path) -> Result<Vec<String>> {
    let fails = |e: io::Error| format!("{}: the folder cannot be read: {e}", folder.display());
    let mut files = vec![];
    for entry in fs::read_dir(folder).map_err(fails)? {
        let entry = entry.map_err(fails)?;
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b".") || entry.file_type().map_err(fails)?.is_dir() {
            continue;
        }
        let path = entry.path().into_os_string().into_string();
        files.push(path.map_err(|p| format!("{}: the file's name is no UTF-8: rename it", p.display()))?);
        if files.len() > MAX_FILES {
            let folder = folder.display();
            return Err(format!("{folder}: holds more than {MAX_FILES} files: read it in parts, or join them").into());
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// The folder in which a path's file is found again when it was renamed: the path itself, if it is one.
pub(super) fn folder_of(path: &str) -> PathBuf {
    let path = Path::new(path);
    if path.is_dir() {
        return path.to_owned();
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// An open file and its name now.
pub(super) struct FoundFile {
    pub(super) file: File,
    pub(super) path: String,
    /// The split was listed when the file's only line had no end; another split has all of it now.
    pub(super) superseded: bool,
}

/// Finds the file of a split: under its name, or under another in its folder or in `folders`.
pub(super) fn find(split: &FileSplit, folders: &[PathBuf]) -> Result<Option<FoundFile>> {
    let fails = |path: &str, e: io::Error| format!("{path}: cannot be read: {e}");
    if let Some(found) = is_at(split, split.path()).map_err(|e| fails(split.path(), e))? {
        return Ok(Some(found));
    }
    let Some(path) = whereabouts(split.inode(), folders)? else { return Ok(None) };
    Ok(is_at(split, &path).map_err(|e| fails(&path, e))?)
}

/// The name that a file has now in one of the folders.
pub(super) fn whereabouts(inode: Inode, folders: &[PathBuf]) -> Result<Option<String>> {
    for folder in folders {
        for path in files_in(folder)? {
            if is_still(inode, &path) {
                return Ok(Some(path));
            }
        }
    }
    Ok(None)
}

/// Whether a name stands for this file.
pub(super) fn is_still(inode: Inode, path: &str) -> bool {
    fs::metadata(path).is_ok_and(|meta| Inode::of(&meta) == inode)
}

fn is_at(split: &FileSplit, path: &str) -> io::Result<Option<FoundFile>> {
    if !is_still(split.inode(), path) {
        return Ok(None);
    }
    let Some(file) = present(File::open(path))? else { return Ok(None) };
    let same = Inode::of(&file.metadata()?) == split.inode();
    let superseded = match split.check_head(&file)? {
        HeadCheck::Same if same => false,
        HeadCheck::Grown if same => true,
        _ => return Ok(None),
    };
    Ok(Some(FoundFile { file, path: path.to_owned(), superseded }))
}

/// What is there, or none where it has gone.
fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(there) => Ok(Some(there)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}
