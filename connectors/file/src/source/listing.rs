//! Which files there are.
use crate::source::pattern::Pattern;
use crate::source::split::{FileSplit, Head, Inode};
use crate::source::{MAX_FILES, STDIN};
use millstream_runtime::Result;
use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

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
                known.insert(split.inode(), split);
                if seen.insert(split) {
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
            return Ok(Some(*known));
        }
        let Some(file) = present(File::open(path))? else { return Ok(None) };
        let head = Head::read(&file)?;
        if follow && !head.is_final() {
            return Ok(None);
        }
        Ok(Some(FileSplit::of(Inode::of(&file.metadata()?), &head)))
    }
}

/// The files of a path, sorted by name.
pub(super) fn files(path: &str, may_be_missing: bool) -> Result<Vec<String>> {
    if let Some(pattern) = Pattern::of(path).filter(|_| !Path::new(path).exists()) {
        let found = files_in(&pattern.folder, MAX_FILES)?;
        return Ok(found.into_iter().filter(|file| pattern.matches(file)).collect());
    }
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == ErrorKind::NotFound && may_be_missing => return Ok(vec![]),
        Err(e) => return Err(format!("{path}: no input there: {e}").into()),
    };
    if meta.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    if meta.is_dir() {
        return files_in(Path::new(path), MAX_FILES);
    }
    Err(format!("{path}: is neither a file nor a folder; pipe it in and read - instead").into())
}

/// The files of a folder that are not hidden, at most so many, sorted by name.
pub(super) fn files_in(folder: &Path, most: usize) -> Result<Vec<String>> {
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
        if files.len() > most {
            let folder = folder.display();
            return Err(format!("{folder}: holds more than {most} files: read it in parts, or join them").into());
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// What is there, or none where it has gone.
pub(super) fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(there) => Ok(Some(there)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_too_many_files_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c", ".hidden"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        assert_eq!(files_in(folder.path(), 3).unwrap().len(), 3);
        let error = files_in(folder.path(), 2).unwrap_err().to_string();
        assert!(error.contains(folder.path().to_str().unwrap()) && error.contains("more than 2"), "{error}");
    }
}
