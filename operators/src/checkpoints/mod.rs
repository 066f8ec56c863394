//! `checkpoints`: what is in a state location, whether it is whole, and what becomes of it. Works on the state alone: no
//! job needs to be there, and a running one goes on.
mod diff;
mod look;
mod verify;

use crate::job::Answer;
use crate::job::look::block_on;
use clap::{Args, Parser, Subcommand};
use millstream_runtime::checkpoint::{CheckpointError, StateStore};
use std::ffi::OsString;
use std::process::ExitCode;

/// Looks at the checkpoints of a job, checks, copies, keeps and compares them.
#[derive(Parser)]
#[command(name = "checkpoints", bin_name = "millstream checkpoints")]
struct Line {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// One line for each checkpoint.
    List(Place),
    /// What one consists of: operators, their state, files, watermarks. The newest unless told otherwise.
    Show(One),
    /// Reads every byte of one, or of all, and says which are whole.
    Verify(One),
    /// Copies one to an empty place, from which another job may go on.
    Export {
        #[command(flatten)]
        one: One,
        /// Where to: a folder, or s3://BUCKET/PREFIX, gs://, az://.
        #[arg(long, value_name = "LOCATION")]
        to: String,
    },
    /// Keeps one until it is given up with `unkeep`.
    Keep {
        #[command(flatten)]
        one: Named,
        /// What it is called.
        #[arg(long, value_name = "TEXT", default_value = "")]
        label: String,
    },
    /// Gives one that was kept up: the job may remove it.
    Unkeep(Named),
    /// Counts what differs in the state of each operator.
    Diff {
        /// The older one.
        before: u64,
        /// The newer one.
        after: u64,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Args)]
struct Place {
    /// Where the checkpoints are: a folder, or s3://BUCKET/PREFIX, gs://, az://.
    #[arg(long, value_name = "LOCATION")]
    state: String,
}

#[derive(Args)]
struct One {
    /// The number of the checkpoint.
    number: Option<u64>,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
struct Named {
    /// The number of the checkpoint.
    number: u64,
    #[command(flatten)]
    place: Place,
}

/// Does what the arguments say, of which the first is the program's name, and prints the answer.
pub fn main(argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    call(argv).print()
}

/// As [`main`], without printing. Code 1: something is damaged, or missing; 2: the call must be changed.
pub fn call(argv: impl IntoIterator<Item = OsString>) -> Answer {
    let verb = match Line::try_parse_from(argv) {
        Ok(line) => line.verb,
        Err(e) if e.use_stderr() => return Answer { code: 2, err: e.render().to_string(), ..Answer::default() },
        Err(e) => return Answer::fine(e.render().to_string()),
    };
    match block_on(act(verb)) {
        Ok(Ok(answer)) => answer,
        Ok(Err(e)) => Answer::failed(e.to_string()),
        Err(e) => Answer::failed(e),
    }
}

async fn act(verb: Verb) -> Result<Answer, CheckpointError> {
    match verb {
        Verb::List(place) => look::list(&place.open().await?).await,
        Verb::Show(one) => look::show(&one.place.open().await?, one.number).await,
        Verb::Verify(one) => verify::verify(&one.place.open().await?, one.number).await,
        Verb::Export { one, to } => {
            let from = one.place.open().await?;
            let number = look::number(&from, one.number).await?;
            from.export(number, &StateStore::open(&to).await?).await?;
            Ok(Answer::fine(format!("checkpoint {number} is copied to {to}\n")))
        }
        Verb::Keep { one, label } => {
            one.place.open().await?.keep(one.number, &label).await?;
            Ok(Answer::fine(format!("checkpoint {} is kept\n", one.number)))
        }
        Verb::Unkeep(one) => {
            one.place.open().await?.unkeep(one.number).await?;
            Ok(Answer::fine(format!("checkpoint {} is not kept any more\n", one.number)))
        }
        Verb::Diff { before, after, place } => diff::diff(&place.open().await?, before, after).await,
    }
}

impl Place {
    /// What is there must be a job's state.
    async fn open(&self) -> Result<StateStore, CheckpointError> {
        let store = StateStore::open_existing(&self.state).await?;
        match store.identity().await? {
            Some(_) => Ok(store),
            None => Err(CheckpointError::Location {
                location: self.state.clone(),
                what: "no job has kept its state there".into(),
            }),
        }
    }
}
