//! Jobs that a file describes: the command line of a program that runs any of them.
use super::answer::Answer;
use super::args::Args;
use super::call::{Around, Cx, dispatch, said};
use super::config::{Entry, with_entries};
use super::flags::{self, Flags};
use super::launch::{Build, on_own_thread};
use super::scope::Job;
use clap::FromArgMatches;
use millstream_runtime::Result;
use millstream_runtime::run::Status;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// A job as a file describes it.
pub struct Described {
    name: String,
    settings: Vec<Entry>,
    build: Build,
}

impl Described {
    /// A job of this name. `settings` are the file's keys that stand for flags; a flag on the command line wins.
    pub fn new(
        name: impl Into<String>,
        settings: Vec<Entry>,
        build: impl Fn(&Job) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), settings, build: Arc::new(build) }
    }
}

impl fmt::Debug for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Described").field("name", &self.name).field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Job {
    /// The command line `PROGRAM run|plan|check|savepoint|restore|status FILE` of a program that reads jobs from files.
    /// `read` reads one; it is told the program's own arguments, and may change the call. Its errors are mistakes in
    /// the file, each said by itself. Exits as [`Job::main`] does. `PROGRAM supervise -- COMMAND` runs a process of any
    /// job and starts it again when it fails.
    pub fn main_of_file<A: Args>(
        program: &'static str,
        read: impl FnOnce(&Path, &A, &mut FileCall) -> Result<Described, Vec<String>> + Send,
    ) -> ExitCode {
        let mut arguments = std::env::args_os().skip(1);
        if arguments.next().is_some_and(|verb| verb == flags::SUPERVISE) {
            return crate::supervise::main(program, arguments);
        }
        let around = Around { owns_process: true, ..Around::default() };
        call_file(program, std::env::args_os(), around, read).print()
    }
}

/// The call for which a file is read.
#[derive(Default)]
pub struct FileCall {
    /// The handle on the run.
    pub status: Arc<Status>,
    /// Stands for `--state` and `--restore none`: nothing of the job's own state is read or written.
    pub other_state: Option<PathBuf>,
}

/// One call with these arguments, of which the first is the program's name.
pub fn call_file<A: Args>(
    program: &'static str,
    argv: impl IntoIterator<Item = OsString>,
    around: Around,
    read: impl FnOnce(&Path, &A, &mut FileCall) -> Result<Described, Vec<String>> + Send,
) -> Answer {
    let argv: Vec<OsString> = argv.into_iter().collect();
    let answer = on_own_thread(move || match context::<A>(program, argv, around, read) {
        Ok(cx) => dispatch(cx),
        Err(answer) => answer,
    });
    answer.unwrap_or_else(Answer::failed)
}

fn context<A: Args>(
    program: &'static str,
    argv: Vec<OsString>,
    around: Around,
    read: impl FnOnce(&Path, &A, &mut FileCall) -> Result<Described, Vec<String>>,
) -> Result<Cx, Answer> {
    if let Some(clash) = flags::clash::<A>() {
        return Err(Answer::refused(clash));
    }
    let command = flags::command_of_file::<A>(program);
    let first = command.clone().try_get_matches_from(&argv).map_err(said)?;
    let own = A::from_arg_matches(&first).map_err(said)?;
    let no_file = || Answer::refused("no file: `millstream run pipeline.toml`");
    let path = first.get_one::<PathBuf>(flags::FILE).ok_or_else(no_file)?;
    let mut call = FileCall { status: Arc::clone(&around.status), other_state: None };
    let described = read(path, &own, &mut call).map_err(|mistakes| Answer::refused_for(&mistakes))?;
    let argv = with_entries(&command, argv, described.settings).map_err(Answer::refused)?;
    let matches = command.try_get_matches_from(argv).map_err(said)?;
    let mut flags = Flags::from_arg_matches(&matches).map_err(said)?;
    if let Some(what) = flags.misplaced() {
        return Err(Answer::refused(what));
    }
    flags.change(call);
    // The name lives as long as the process, which runs one job.
    Ok(Cx { name: described.name.leak(), flags, build: described.build, args: serde_json::Value::Null, around })
}
