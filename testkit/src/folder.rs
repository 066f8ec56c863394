//! Where the state of a job under test lies.
use std::path::Path;
use tempfile::TempDir;

/// In memory where the system has such a place: checkpoints are synced, a disk that is busy writing what a compiler has
/// left takes half a minute for that, and no kill in a test is one of the machine.
pub(crate) fn folder() -> std::io::Result<TempDir> {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()) } else { tempfile::tempdir() }
}
