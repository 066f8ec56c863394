//! A job's cheapest test.
use millstream_operators::{Job, Result};

/// Refuses what `plan` refuses; touches nothing outside: `graph(build).unwrap()` is a job's cheapest test.
///
/// # Errors
/// What `build` says, or every mistake in the graph, a line each.
pub fn graph(build: impl Fn(&Job) -> Result<()>) -> Result<(), String> {
    let job = Job::default();
    build(&job).map_err(|e| e.to_string())?;
    let mistakes = job.mistakes();
    if mistakes.is_empty() { Ok(()) } else { Err(mistakes.join("\n")) }
}
