//! Where the file of a split is now, whatever its name.
use crate::source::listing::{files, files_in, present};
use crate::source::split::{FileSplit, HeadCheck, Inode};
use crate::source::{MAX_FILES, STDIN};
use millstream_runtime::Result;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The names that the last look into the folders found, so that opening n files takes one look and not n. A clone
/// starts without any.
#[derive(Debug, Default)]
pub(super) struct Places(Mutex<HashMap<Inode, String>>);

impl Clone for Places {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// An open file and its name now.
pub(super) struct FoundFile {
    pub(super) file: File,
    pub(super) path: String,
    /// The split was listed when the file's only line had no end; in a listing of now it is another one.
    pub(super) has_grown: bool,
}

impl Places {
    /// Finds the file of a split under one of the paths; of a path that is a file, also under another name in its
    /// folder.
    pub(super) fn find(&self, split: &FileSplit, paths: &[String]) -> Result<Option<FoundFile>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(&split.inode()).map_or(Ok(None), |path| is_at(split, path))? {
            return Ok(Some(found));
        }
        known.clear();
        for path in paths.iter().filter(|p| *p != STDIN) {
            note(&mut known, files(path, true)?);
        }
        if !known.contains_key(&split.inode()) {
            for folder in folders(paths) {
                note(&mut known, files_in(&folder, MAX_FILES)?);
            }
        }
        known.get(&split.inode()).map_or(Ok(None), |path| is_at(split, path))
    }
}

fn note(known: &mut HashMap<Inode, String>, paths: Vec<String>) {
    for path in paths {
        if let Ok(meta) = fs::metadata(&path) {
            known.entry(Inode::of(&meta)).or_insert(path);
        }
    }
}

/// Every folder in which a file of these paths is found again when it was renamed.
pub(super) fn folders(paths: &[String]) -> Vec<PathBuf> {
    paths.iter().filter(|p| *p != STDIN).map(|p| folder_of(Path::new(p))).collect()
}

fn folder_of(path: &Path) -> PathBuf {
    if path.is_dir() {
        return path.to_owned();
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The name that a file has now in one of the folders.
pub(super) fn whereabouts(inode: Inode, folders: &[PathBuf]) -> Result<Option<String>> {
    for folder in folders {
        if let Some(path) = files_in(folder, MAX_FILES)?.into_iter().find(|path| is_still(inode, path)) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Whether a name stands for this file.
pub(super) fn is_still(inode: Inode, path: &str) -> bool {
    fs::metadata(path).is_ok_and(|meta| Inode::of(&meta) == inode)
}

fn is_at(split: &FileSplit, path: &str) -> Result<Option<FoundFile>> {
    let fails = |e: io::Error| format!("{path}: cannot be read: {e}");
    let Some(file) = present(File::open(path)).map_err(fails)? else { return Ok(None) };
    if Inode::of(&file.metadata().map_err(fails)?) != split.inode() {
        return Ok(None);
    }
    let check = split.check_head(&file).map_err(fails)?;
    let has_grown = check == HeadCheck::Grown;
    Ok((check != HeadCheck::Other).then(|| FoundFile { file, path: path.to_owned(), has_grown }))
}
