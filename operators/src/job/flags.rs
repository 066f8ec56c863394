//! The flags of every job, the verbs, and the command line of both with the job's own flags.
use super::file::FileCall;
use super::values::{Endpoint, Interval, Keep, Restore, Size, Slice};
use clap::{Arg, ArgAction, Command, ValueEnum};
use millstream_runtime::run::RestoreFrom;
use millstream_runtime::time::Span;
use std::path::PathBuf;

const DURATIONS: &str = "Durations are written 500ms, 30s, 5m, 1h or 7d.";

/// What a job can be told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Verb {
    /// Runs, from the latest checkpoint unless told otherwise. The default.
    Run,
    /// Prints the graph, with what a restore would keep, start anew or drop.
    Plan,
    /// Judges the graph and its state, touching nothing outside.
    Check,
    /// Asks the running job for a checkpoint that is kept.
    Savepoint,
    /// Runs from the checkpoint of this number.
    Restore,
    /// Stops the running job and goes on with these --workers, or --hosts.
    Rescale,
    /// Says what is in the job's state, and who holds up the job if it runs.
    Status,
}

/// Where keyed state is while a job runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    /// All of it in memory.
    Memory,
    /// What was used lately in memory, the rest on a local disk.
    Disk,
}

/// What every job can be told. Every verb takes every flag, in front of the verb or behind it.
#[derive(clap::Args, Debug)]
#[group(skip)]
pub(crate) struct Flags {
    /// What to do.
    #[arg(value_name = "COMMAND", value_enum, default_value = "run", hide = true)]
    pub verb: Verb,
    /// The checkpoint that `restore` runs from.
    #[arg(value_name = "CHECKPOINT", hide = true)]
    pub checkpoint: Option<u64>,
    /// A TOML file whose keys are these flags, with `_` for `-`; a flag on the command line wins.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Worker threads of each process, 1 to 1024.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub workers: u16,
    /// A file with the address of each process of the job, host:port, one on a line; needs --process.
    #[arg(long, value_name = "FILE", requires = "process")]
    pub hosts: Option<PathBuf>,
    /// Which process of --hosts this is, from 0. All of them share the state.
    #[arg(long, value_name = "N", requires = "hosts")]
    pub process: Option<usize>,
    /// The certificate of this process, PEM: needed where --hosts names other machines.
    #[arg(long, value_name = "FILE", requires_all = ["tls_key", "tls_authority", "hosts"])]
    pub tls_certificate: Option<PathBuf>,
    /// The key of --tls-certificate, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,
    /// The authority that has signed the certificates of all processes, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_authority: Option<PathBuf>,
    /// How long a process waits for the others at the start.
    #[arg(long, value_name = "SPAN", default_value = "20s", hide = true)]
    pub patience: Span,
    /// After so long without a word another process counts as lost: at least 1s.
    #[arg(long, value_name = "SPAN", default_value = "6s", hide = true)]
    pub silence: Span,
    /// Where checkpoints are: a folder, or s3://BUCKET/PREFIX, gs://, az:// with AWS_*, GOOGLE_*, AZURE_* from the
    /// environment [default: ./JOB_state].
    #[arg(long, value_name = "LOCATION")]
    pub state: Option<String>,
    /// Where keyed state is while the job runs: all of it in memory, or what exceeds --state-memory on a local disk.
    #[arg(long, value_name = "BACKEND", value_enum, default_value = "memory")]
    pub state_backend: Backend,
    /// With --state-backend disk: about how much keyed state each process keeps in memory.
    #[arg(long, value_name = "SIZE", default_value = "512MiB")]
    pub state_memory: Size,
    /// With --state-backend disk: the folder for the rest, which is removed at the end [default: the system's for temporary
    /// files].
    #[arg(long, value_name = "FOLDER")]
    pub scratch: Option<PathBuf>,
    /// How often a checkpoint is taken: 500ms, 30s, 5m, or `off` for none before the end.
    #[arg(long, value_name = "SPAN", default_value = "1s")]
    pub checkpoint_interval: Interval,
    /// What to go on from: latest, none, or the number of a checkpoint.
    #[arg(long, value_name = "CHECKPOINT", default_value = "latest")]
    pub restore: Restore,
    /// How often in a row a job that failed is started again.
    #[arg(long, value_name = "N", default_value = "3")]
    pub restarts: u32,
    /// The wait before the first such start; it doubles.
    #[arg(long, value_name = "SPAN", default_value = "1s")]
    pub restart_backoff: Span,
    /// How many checkpoints in a row may fail before the job does.
    #[arg(long, value_name = "N", default_value = "3")]
    pub checkpoint_failures: u32,
    /// How many checkpoints stay, beside savepoints.
    #[arg(long, value_name = "N", default_value = "3")]
    pub keep: Keep,
    /// Drops the state of an operator that the job no longer has; may be given again.
    #[arg(long, value_name = "UID")]
    pub drop_state: Vec<String>,
    /// How long a slice is: the grain of watermarks and timers.
    #[arg(long, value_name = "SPAN", default_value = "10ms", hide = true)]
    pub slice: Slice,
    /// Serves /metrics for Prometheus, /live and /ready here: a loopback address and a port.
    #[arg(long, value_name = "ADDR")]
    pub metrics: Option<Endpoint>,
    /// What is logged, as in RUST_LOG [default: MILLSTREAM_LOG, RUST_LOG, or info].
    #[arg(long, value_name = "FILTER")]
    pub log: Option<String>,
    /// Shows no progress and logs errors only.
    #[arg(long)]
    pub quiet: bool,
    /// `check`: the checkpoint to judge by, in place of what --restore says.
    #[arg(long, value_name = "N")]
    pub against: Option<u64>,
    /// `savepoint`: the job stops after it.
    #[arg(long)]
    pub stop: bool,
    /// `savepoint`, `rescale`: how long to wait for the running job.
    #[arg(long, value_name = "SPAN", default_value = "60s")]
    pub wait: Span,
}

/// Flags that belong to one call and have no place in a file.
pub(crate) const NOT_IN_FILES: [&str; 6] = ["config", "against", "stop", "wait", "help", "version"];

impl Flags {
    /// What was told to the wrong verb.
    pub fn misplaced(&self) -> Option<String> {
        match self.verb {
            Verb::Restore if self.checkpoint.is_none() => {
                Some("restore needs the number of a checkpoint: `restore 7`; `status` shows which there are".into())
            }
            Verb::Restore if self.restore != Restore::default() => {
                Some(format!("restore takes its checkpoint from its argument; leave out --restore {}", self.restore))
            }
            verb if verb != Verb::Restore && self.checkpoint.is_some() => Some(format!(
                "{} takes no checkpoint; `restore N` and --restore N do",
                verb.to_possible_value().map_or_else(String::new, |v| v.get_name().into())
            )),
            Verb::Rescale if self.restore != Restore::default() => {
                Some(format!("rescale goes on from its savepoint; leave out --restore {}", self.restore))
            }
            verb if verb != Verb::Check && self.against.is_some() => Some("--against belongs to check".into()),
            verb if verb != Verb::Savepoint && self.stop => Some("--stop belongs to savepoint".into()),
            _ => None,
        }
    }
}

impl Flags {
    /// What the arguments of a program that reads jobs from files ask for.
    pub fn change(&mut self, call: FileCall) {
        if let Some(state) = call.other_state {
            self.state = Some(state.display().to_string());
            self.restore = Restore(RestoreFrom::Nothing);
            self.checkpoint_interval = Interval(None);
        }
    }
}

/// The one verb of such a program that is about no file.
pub(crate) const SUPERVISE: &str = "supervise";

/// The positional argument that names a job's file.
pub(crate) const FILE: &str = "file";

/// The command line of a program that reads jobs from files.
pub(crate) fn command_of_file<A: clap::Args>(program: &'static str) -> Command {
    let file = Arg::new(FILE).value_name("FILE").required(true).index(2).hide(true);
    command::<A>(program)
        .mut_arg("checkpoint", |arg| arg.index(3))
        .mut_arg("config", |arg| arg.hide(true).value_parser(no_config))
        .arg(file.value_parser(clap::value_parser!(PathBuf)))
        .about("Runs Millstream jobs that TOML files describe.")
        .version(env!("CARGO_PKG_VERSION"))
        .override_usage(format!("{program} COMMAND FILE [FLAGS]\n       {program} {SUPERVISE} -- PROGRAM [ARGUMENTS]"))
        .after_help(format!("{DURATIONS}\n`{SUPERVISE}` runs a program and starts it again when it fails."))
}

fn no_config(_path: &str) -> Result<PathBuf, String> {
    Err("the flags of a pipeline stand in its own file".into())
}

/// The command line of a job. Built by hand: a flattened struct's doc comment is not the job's.
pub(crate) fn command<A: clap::Args>(name: &'static str) -> Command {
    let own = A::augment_args(Command::new(name).next_help_heading("Flags of this job"));
    let all = <Flags as clap::Args>::augment_args(own.next_help_heading("Flags of every job"));
    all.mut_args(last_one_counts)
        .about("A Millstream job.")
        .long_about(None)
        .before_help(None)
        .after_help(DURATIONS)
        .override_usage(format!("{name} [COMMAND] [FLAGS]"))
        .help_template(format!(
            "{{about}}\n\n{{usage-heading}} {{usage}}\n\nCommands:\n{}\n{{all-args}}{{after-help}}",
            verbs()
        ))
}

/// A script may append to the flags that it was given: of a flag with one value the last one counts.
fn last_one_counts(arg: Arg) -> Arg {
    if !matches!(arg.get_action(), ArgAction::Set) || arg.is_positional() {
        return arg;
    }
    let id = arg.get_id().clone();
    arg.overrides_with(id)
}

fn verbs() -> String {
    let line = |verb: &Verb| {
        let value = verb.to_possible_value()?;
        let name = match verb {
            Verb::Restore => format!("{} N", value.get_name()),
            _ => value.get_name().into(),
        };
        Some(format!("  {name:<10} {}\n", value.get_help()?))
    };
    Verb::value_variants().iter().filter_map(line).collect()
}

/// What is wrong with the job's own arguments, which its author must change.
pub(crate) fn clash<A: clap::Args>() -> Option<String> {
    let ours = <Flags as clap::Args>::augment_args(Command::new("job"));
    let theirs = A::augment_args(Command::new("job"));
    theirs.get_arguments().find_map(|arg| {
        let id = arg.get_id();
        if arg.is_positional() {
            return Some(format!("the job's argument `{id}` has no flag: give it #[arg(long)]"));
        }
        let same = |our: &Arg| our.get_id() == id || (our.get_long().is_some() && our.get_long() == arg.get_long());
        let our = ours.get_arguments().find(|our| same(our))?;
        let long = our.get_long().unwrap_or("help");
        Some(format!("the job's argument `{id}` has the name of a flag of every job, --{long}: rename the field"))
    })
}
