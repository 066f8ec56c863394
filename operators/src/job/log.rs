//! Logs of a job's process: to standard error, filtered.
use super::flags::Flags;
use super::screen::{self, Above};
use tracing_subscriber::EnvFilter;

/// The variables that hold a filter, the first that is set wins.
const VARIABLES: [&str; 2] = ["MILLSTREAM_LOG", "RUST_LOG"];

/// What is logged unless told otherwise. The trees of the backend on disk tell of every flush.
const USUAL: &str = "info,fjall=warn,lsm_tree=warn";

/// Starts logging, unless the program has done so itself.
///
/// # Errors
/// Where the filter cannot be read; says whence it came.
pub(crate) fn start(flags: &Flags) -> Result<(), String> {
    start_with(flags.log.clone(), flags.quiet)
}

/// The same for a program that is no job.
///
/// # Errors
/// As [`start`].
pub(crate) fn start_with(told: Option<String>, quiet: bool) -> Result<(), String> {
    let filter = filter(told, quiet, |name| std::env::var(name).ok())?;
    let log = tracing_subscriber::fmt().compact().with_target(false).with_ansi(screen::is_terminal());
    let _ = log.with_writer(|| Above).with_env_filter(filter).try_init(); // the program's own goes before
    Ok(())
}

fn filter(told: Option<String>, quiet: bool, variable: impl Fn(&str) -> Option<String>) -> Result<EnvFilter, String> {
    let from_variable = || {
        let found = VARIABLES.iter().filter(|_| !quiet);
        found.filter_map(|name| Some((*name, variable(name)?))).find(|(_, text)| !text.is_empty())
    };
    let usual = || ("--quiet", if quiet { "error" } else { USUAL }.to_string());
    let (whence, text) = told.map(|text| ("--log", text)).or_else(from_variable).unwrap_or_else(usual);
    let wrong = |e| format!("{whence}: {text:?} is no filter ({e}); write info, or warn,my_job=debug");
    EnvFilter::builder().parse(&text).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::super::args::NoArgs;
    use super::super::flags::command;
    use super::*;
    use clap::FromArgMatches;

    fn filter_of(argv: &[&str], variables: &[(&str, &str)]) -> Result<String, String> {
        let matches = command::<NoArgs>("job").get_matches_from([&["job"], argv].concat());
        let flags = Flags::from_arg_matches(&matches).unwrap();
        let variable = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, text)| text.to_string());
        filter(flags.log, flags.quiet, variable).map(|filter| filter.to_string())
    }

    #[test]
    fn the_flag_wins_over_the_variables() {
        let both = [("RUST_LOG", "trace"), ("MILLSTREAM_LOG", "warn")];
        assert_eq!(filter_of(&[], &[]), filter_of(&["--log", USUAL], &[]));
        assert_eq!(filter_of(&[], &both[..1]), Ok("trace".into()));
        assert_eq!(filter_of(&[], &both), Ok("warn".into()));
        assert_eq!(filter_of(&["--quiet"], &both), Ok("error".into()));
        assert_eq!(filter_of(&["--log", "debug", "--quiet"], &both), Ok("debug".into()));
        let wrong = filter_of(&["--log", "job=loud"], &[]).unwrap_err();
        assert!(wrong.starts_with("--log: \"job=loud\" is no filter"), "{wrong}");
        assert!(filter_of(&[], &[("RUST_LOG", "a=b=c")]).unwrap_err().starts_with("RUST_LOG: "));
    }
}
