//! The command line: `millstream run|plan|check|savepoint|restore|status FILE`.
use crate::draw::draw;
use crate::draw::preview::Preview;
use crate::file::{Pipeline, read};
use crate::registry::Registry;
use millstream_operators::Job;
use millstream_operators::job::Described;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::process::ExitCode;
use tempfile::TempDir;

/// The largest file, in bytes.
const FILE_MAX: u64 = 1 << 20;

/// What a run of a pipeline can be told beside the flags of every job.
#[derive(Debug, clap::Args, Serialize, Deserialize)]
struct Arguments {
    /// `run`: prints the first N results of each sink, and commits nothing.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    dry_run: Option<u64>,
}

/// The whole program: reads the command line, and runs what it says with the types of this registry.
pub fn main(registry: &Registry) -> ExitCode {
    // Lives as long as the run that has its state in there.
    let mut folder: Option<TempDir> = None;
    Job::main_of_file::<Arguments>("millstream", |path, arguments, call| {
        let pipeline = load(path, registry)?;
        let mut preview = None;
        if let Some(results) = arguments.dry_run {
            let made = tempfile::tempdir().map_err(|e| vec![format!("no folder for a dry run: {e}")])?;
            call.other_state = Some(made.path().join("state"));
            folder = Some(made);
            let sinks = pipeline.sinks.iter().map(|sink| sink.common.uid.clone());
            preview = Some(Preview::new(results, sinks, call.status.clone()));
        }
        Ok(describe(pipeline, preview))
    })
}

fn describe(mut pipeline: Pipeline, preview: Option<Preview>) -> Described {
    let settings = std::mem::take(&mut pipeline.settings);
    let name = pipeline.name.clone();
    Described::new(name, settings, move |job| draw(&pipeline, job, preview.as_ref()))
}

/// Reads and judges a file.
fn load(path: &Path, registry: &Registry) -> Result<Pipeline, Vec<String>> {
    let file = path.display().to_string();
    let wrong = |e: String| vec![format!("{file}: {e}")];
    let len = std::fs::metadata(path).map_err(|e| wrong(format!("cannot be read: {e}")))?.len();
    if len > FILE_MAX {
        return Err(wrong(format!("has {len} bytes; a pipeline has at most {FILE_MAX}")));
    }
    let text = std::fs::read_to_string(path).map_err(|e| wrong(format!("cannot be read: {e}")))?;
    let pipeline = read(&file, &text, registry, &|name| std::env::var(name).ok());
    pipeline.map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect())
}
