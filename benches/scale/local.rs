//! Jobs to measure: run them somewhere, with one backend or the other.
use millstream::prelude::*;
use millstream::runtime::run::{Options, Pace, Status};
use millstream::runtime::state::{Scratch, StateBackend};
use std::path::Path;
use std::sync::Arc;

/// Rows beyond `memory` bytes go to a folder below `folder`; all stay in memory without.
pub fn backend(folder: &Path, memory: Option<u64>) -> StateBackend {
    memory.map_or(StateBackend::Memory, |memory| StateBackend::Disk(Scratch::new(folder.join("scratch"), memory)))
}

/// What a run of two workers is told, with its state in a folder.
pub fn options(folder: &Path, workers: usize, memory: Option<u64>) -> Options {
    let mut options = Options::new("bench", folder.join("state").to_string_lossy());
    options.workers = workers;
    options.pace = Pace { interval: Some(Duration::from_secs(1)), ..Pace::default() };
    options.state_backend = backend(folder, memory);
    options.status = Arc::new(Status::default());
    options
}

/// One line of a table: what, the value, and what was wanted of it.
pub fn say(what: &str, value: String, wanted: &str, is_fine: bool) {
    let verdict = if is_fine { "" } else { "  MISSED" };
    println!("{what:<64} {value:>14} {wanted:>14}{verdict}");
}
