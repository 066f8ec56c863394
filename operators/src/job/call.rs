//! One call of a job's command line: parsed, and handed to its verb.
use super::answer::Answer;
use super::args::{Args, NoArgs};
use super::config;
use super::flags::{self, Flags, Verb};
use super::launch::{Build, on_own_thread};
use super::scope::Job;
use super::{ask, look, rescale, run, status};
use clap::FromArgMatches;
use clap::error::{ContextKind, ErrorKind};
use millstream_runtime::Result;
use millstream_runtime::run::{RestoreFrom, Status};
use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

/// What a call does to the process it is made in.
#[derive(Clone, Default)]
pub struct Around {
    /// The handle on the run.
    pub status: Arc<Status>,
    /// Whether the process is the job's: then it gets logs, progress, and handlers of SIGTERM and SIGINT.
    pub owns_process: bool,
}

/// What a verb works with.
pub(crate) struct Cx {
    pub name: &'static str,
    pub flags: Flags,
    pub build: Build,
    pub args: serde_json::Value,
    pub around: Around,
}

impl Job {
    /// Runs `build` under the job's command line: `run`, `plan`, `check`, `savepoint`, `restore`, `rescale`,
    /// `status`. Prints errors
    /// in plain text. Exits with 0 if all is well, 1 if the job failed, 2 if it, its graph or its call must be changed
    /// first, 75 if another process of the job was lost. Works inside a tokio main.
    pub fn main(name: &'static str, build: impl Fn(&Job) -> Result<()> + Send + Sync + 'static) -> ExitCode {
        Self::main_with(name, move |job, _: &NoArgs| build(job))
    }

    /// The same with the job's own arguments: flags, and keys of the TOML file given by `--config` (a flag wins).
    pub fn main_with<A: Args>(
        name: &'static str,
        build: impl Fn(&Job, &A) -> Result<()> + Send + Sync + 'static,
    ) -> ExitCode {
        let around = Around { status: Arc::default(), owns_process: true };
        call(name, std::env::args_os(), around, build).print()
    }
}

/// One call with these arguments, of which the first is the program's name. Blocks until the verb is done.
pub fn call<A: Args>(
    name: &'static str,
    argv: impl IntoIterator<Item = OsString>,
    around: Around,
    build: impl Fn(&Job, &A) -> Result<()> + Send + Sync + 'static,
) -> Answer {
    let argv = argv.into_iter().collect();
    let answer = on_own_thread(move || match parse::<A>(name, argv) {
        Ok((flags, own)) => match serde_json::to_value(&own) {
            Ok(args) => {
                let build: Build = Arc::new(move |job| build(job, &own));
                dispatch(Cx { name, flags, build, args, around })
            }
            Err(e) => Answer::refused(format!("the job's arguments cannot be noted as JSON: {e}")),
        },
        Err(answer) => answer,
    });
    answer.unwrap_or_else(Answer::failed)
}

fn parse<A: Args>(name: &'static str, argv: Vec<OsString>) -> Result<(Flags, A), Answer> {
    if let Some(clash) = flags::clash::<A>() {
        return Err(Answer::refused(clash));
    }
    let command = flags::command::<A>(name);
    let argv = config::with_file(&command, argv).map_err(Answer::refused)?;
    let matches = command.try_get_matches_from(argv).map_err(said)?;
    let flags = Flags::from_arg_matches(&matches).map_err(said)?;
    let own = A::from_arg_matches(&matches).map_err(said)?;
    match flags.misplaced() {
        Some(what) => Err(Answer::refused(what)),
        None => Ok((flags, own)),
    }
}

/// Help, or what is wrong with the command line.
pub(crate) fn said(mut e: clap::Error) -> Answer {
    if e.kind() == ErrorKind::UnknownArgument {
        e.remove(ContextKind::Suggested); // to pass it as a value: of the verb, which is no help
    }
    let text = e.render().to_string();
    match e.use_stderr() {
        true => Answer { code: 2, err: text, ..Answer::default() },
        false => Answer::fine(text),
    }
}

pub(crate) fn dispatch(cx: Cx) -> Answer {
    match cx.flags.verb {
        Verb::Run => run::run(&cx, cx.flags.restore.0),
        Verb::Restore => run::run(&cx, cx.flags.checkpoint.map_or(RestoreFrom::Latest, RestoreFrom::Number)),
        Verb::Plan => look::plan(&cx),
        Verb::Check => look::check(&cx),
        Verb::Savepoint => ask::savepoint(&cx),
        Verb::Rescale => rescale::rescale(&cx),
        Verb::Status => status::status(&cx),
    }
}

impl Cx {
    /// Where the job's checkpoints are.
    pub fn state(&self) -> String {
        self.flags.state.clone().unwrap_or_else(|| format!("./{}_state", self.name))
    }

    /// Draws the graph, for looking at it.
    pub fn draw(&self) -> Result<Job, Answer> {
        let job = Job::default();
        match (self.build)(&job) {
            Ok(()) => Ok(job),
            Err(e) => Err(Answer::refused(e.to_string())),
        }
    }
}
