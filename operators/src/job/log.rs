//! Logs of a job's process: to standard error, filtered.
use super::flags::Flags;
use super::screen::{self, Above};
use tracing_subscriber::EnvFilter;

/// The variables that hold a filter, the first that is set wins.
const VARIABLES: [&str; 2] = ["MILLSTREAM_LOG", "RUST_LOG"];

/// Starts logging, unless the program has done so itself.
///
/// # Errors
/// Where the filter cannot be read; says whence it came.
pub(crate) fn start(flags: &Flags) -> Result<(), String> {
    let filter = filter(flags, |name| std::env::var(name).ok())?;
    let log = tracing_subscriber::fmt().compact().with_target(false).with_ansi(screen::is_terminal());
    let _ = log.with_writer(|| Above).with_env_filter(filter).try_init(); // the program's own goes before
    Ok(())
}

fn filter(flags: &Flags, variable: impl Fn(&str) -> Option<String>) -> Result<EnvFilter, String> {
    let from_variable = || {
        let found = VARIABLES.iter().filter(|_| !flags.quiet);
        found.filter_map(|name| Some((*name, variable(name)?))).find(|(_, text)| !text.is_empty())
    };
    let given = flags.log.clone().map(|text| ("--log", text)).or_else(from_variable);
    let (whence, text) = given.unwrap_or(("--quiet", if flags.quiet { "error" } else { "info" }.into()));
    let wrong = |e| format!("{whence}: {text:?} is no filter ({e}); write info, or warn,my_job=debug");
    EnvFilter::builder().parse(&text).map_err(wrong)
}
