//! The command line `supervise -- COMMAND`.
use super::Supervisor;
use crate::job::Answer;
use crate::job::log;
use clap::{Arg, Command};
use millstream_runtime::time::Span;
use std::ffi::OsString;
use std::process::ExitCode;

const COMMAND: &str = "command";

/// Runs what stands behind `supervise` on a command line: flags, and the command. Says what is wrong, and exits with the
/// command's last code. `program` is what the user has called.
///
/// ```
/// use millstream_operators::supervise;
/// use std::process::ExitCode;
/// let wrong = ["--backoff", "soon", "--", "true"].map(Into::into);
/// assert_eq!(supervise::main("millstream", wrong), ExitCode::from(2));
/// assert_eq!(supervise::main("millstream", ["--", "true"].map(Into::into)), ExitCode::SUCCESS);
/// ```
pub fn main(program: &'static str, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    answer(program, arguments).print()
}

fn answer(program: &'static str, arguments: impl IntoIterator<Item = OsString>) -> Answer {
    let argv = std::iter::once(program.into()).chain(arguments);
    let matches = match line(program).try_get_matches_from(argv) {
        Ok(matches) => matches,
        Err(e) if e.use_stderr() => return Answer { code: 2, err: e.render().to_string(), ..Answer::default() },
        Err(e) => return Answer::fine(e.render().to_string()),
    };
    let usual = Supervisor::default();
    let span = |name: &str, usual| matches.get_one::<Span>(name).map_or(usual, |span| span.0);
    let supervisor = Supervisor {
        backoff: span("backoff", usual.backoff),
        backoff_most: span("backoff-most", usual.backoff_most),
        steady: span("steady", usual.steady),
        failures: matches.get_one::<u32>("failures").copied().unwrap_or(usual.failures),
    };
    if let Err(e) = log::start_with(matches.get_one::<String>("log").cloned(), false) {
        return Answer::refused(e);
    }
    let command: Vec<OsString> = matches.get_many(COMMAND).into_iter().flatten().cloned().collect();
    match supervisor.run(&command) {
        Ok(code) => Answer { code, ..Answer::default() },
        Err(e) => Answer::refused(e),
    }
}

fn line(program: &'static str) -> Command {
    let flag = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let span = |name, help| flag(name, "SPAN", help).value_parser(clap::value_parser!(Span));
    let failures = flag("failures", "N", "Give up after so many failures in a row [default: 20]");
    let command = Arg::new(COMMAND).value_name("COMMAND").help("What to run, and its arguments").required(true);
    Command::new("supervise")
        .bin_name(format!("{program} supervise"))
        .about(
            "Runs a command and starts it again when it fails, until it ends with 0, or with 2: then it must be changed \
             first. SIGTERM and SIGINT stop it.",
        )
        .arg(span("backoff", "The wait before the first new start; it doubles [default: 1s]"))
        .arg(span("backoff-most", "The longest wait [default: 30s]"))
        .arg(span("steady", "A command that has run so long has not failed in a row [default: 1m]"))
        .arg(failures.value_parser(clap::value_parser!(u32)))
        .arg(flag("log", "FILTER", "What is logged [default: MILLSTREAM_LOG, RUST_LOG, or info]"))
        .arg(command.num_args(1..).last(true).value_parser(clap::value_parser!(OsString)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_that_says_too_little_is_refused_with_what_to_write() {
        let said = |argv: &[&str]| answer("millstream", argv.iter().map(OsString::from));
        let nothing = said(&[]);
        assert!(nothing.code == 2 && nothing.err.contains("-- <COMMAND>"), "{nothing:?}");
        let no_dashes = said(&["sleep", "1"]);
        assert!(no_dashes.code == 2 && no_dashes.err.contains("-- <COMMAND>"), "{no_dashes:?}");
        let back = said(&["--", "job", "--restore", "7"]);
        assert!(back.code == 2 && back.err.contains("--restore"), "{back:?}");
        let help = said(&["--help"]);
        assert!(help.code == 0 && help.out.contains("millstream supervise [OPTIONS] -- <COMMAND>"), "{help:?}");
    }

    #[test]
    fn the_commands_last_code_is_the_programs() {
        let said = |script: &str| {
            let argv = ["--backoff", "1ms", "--failures", "2", "--", "sh", "-c", script].map(OsString::from);
            answer("millstream", argv)
        };
        assert_eq!(said("exit 0").code, 0);
        assert_eq!(said("exit 2").code, 2);
        assert_eq!(said("exit 7").code, 7, "after three starts");
    }
}
