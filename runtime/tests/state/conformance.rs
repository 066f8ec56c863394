//! The backends conform.
use millstream_runtime::state::conformance::{backend_conforms, cells_are_written_once};
use millstream_runtime::state::{Cursor, Disk, Memory, Scratch};
use std::path::Path;

/// A folder in memory where there is one: nothing here is about the disk below the tree.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder for the rows")
}

#[test]
fn memory_conforms() {
    backend_conforms(&|| Box::new(Memory::new(&Cursor::new())));
    cells_are_written_once(&|| Box::new(Memory::new(&Cursor::new())));
}

/// With a budget that a few keys exceed, so that rows come and go all the time; and with one that none does.
#[test]
fn disk_conforms() {
    let folder = folder();
    for budget in [4_000, 1 << 30] {
        let scratch = Scratch::new(folder.path(), budget);
        backend_conforms(&|| Box::new(Disk::new(&Cursor::new(), &scratch).unwrap()));
    }
}

/// The same for operators that remember slots: rows leave their cells only.
#[test]
fn disk_with_pinned_rows_conforms() {
    let folder = folder();
    let scratch = Scratch::new(folder.path(), 4_000);
    backend_conforms(&|| {
        let mut disk = Disk::new(&Cursor::new(), &scratch).unwrap();
        disk.pin();
        Box::new(disk)
    });
}
