//! The command line.
use crate::hand::{self, Hand};
use crate::measure::{self, Setup};
use crate::queries::{self, QUERIES, Query};
use crate::report::Report;
use clap::{Parser, ValueEnum};
use millstream::Result;
use millstream::time::Span;
use std::process::{Command, ExitCode};
use std::str::FromStr;
use std::time::Duration;

/// Measures Nexmark's queries.
#[derive(Clone, Parser)]
#[command(name = "nexmark", args_override_self = true)]
struct Options {
    /// q0 to q22, or all: each in a process of its own.
    #[arg(long, default_value = "all")]
    query: String,
    /// How many events are generated.
    #[arg(long, default_value = "10000000", value_parser = clap::value_parser!(u64).range(1..))]
    events: u64,
    /// Worker threads.
    #[arg(long, default_value = "1", value_parser = clap::value_parser!(u16).range(1..))]
    workers: u16,
    /// How often Millstream makes a checkpoint: a duration, or off.
    #[arg(long, default_value = "1s")]
    checkpoint_interval: Interval,
    /// What runs the queries.
    #[arg(long, value_enum, default_value = "millstream")]
    system: System,
    /// Only the rate: neither latency nor a kill.
    #[arg(long)]
    quick: bool,
    /// One line of JSON for each query instead of the table.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum System {
    Millstream,
    /// By hand, for some of the queries.
    Timely,
    /// A plain loop.
    Brute,
}

#[derive(Clone, Copy)]
struct Interval(Option<Duration>);

impl FromStr for Interval {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" { Ok(Self(None)) } else { text.parse().map(|Span(interval)| Self(Some(interval))) }
    }
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    let options = Options::parse();
    let done = if options.query == "all" { each(&options) } else { one(&options) };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("nexmark: {e}");
            ExitCode::FAILURE
        }
    }
}

/// Measures one query in this process.
fn one(options: &Options) -> Result<()> {
    let Some(query) = queries::named(&options.query) else {
        let there: Vec<&str> = QUERIES.iter().map(|query| query.name).collect();
        return Err(format!("there is no query {:?}; there are {} and all", options.query, there.join(", ")).into());
    };
    let interval = options.checkpoint_interval.0;
    let (events, workers, quick) = (options.events, options.workers.into(), options.quick);
    let setup = Setup { query, events, workers, interval, quick };
    let report = match options.system {
        System::Millstream => measure::millstream(&setup)?,
        System::Timely => measure::timely(&setup, by_hand(query)?),
        System::Brute => measure::brute(&setup),
    };
    if options.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("{}\n{report}", Report::HEAD);
    }
    Ok(())
}

fn by_hand(query: &Query) -> Result<Hand> {
    let wrong = || format!("{} is not written by hand in timely; take --system millstream or brute", query.name);
    Ok(hand::named(query.name).ok_or_else(wrong)?)
}

/// Each query in a process of its own, so that none finds what another left: memory, threads, files.
fn each(options: &Options) -> Result<()> {
    if !options.json {
        println!("{}", Report::HEAD);
    }
    let is_there = |query: &&Query| options.system != System::Timely || hand::named(query.name).is_some();
    for query in QUERIES.iter().filter(is_there) {
        let output = Command::new(std::env::current_exe()?)
            .args(std::env::args().skip(1))
            .args(["--query", query.name, "--json"])
            .stderr(std::process::Stdio::inherit())
            .output()?;
        if !output.status.success() {
            return Err(format!("{} has failed: {}", query.name, output.status).into());
        }
        let line = String::from_utf8(output.stdout)?;
        if options.json {
            print!("{line}");
        } else {
            println!("{}", serde_json::from_str::<Report>(&line)?);
        }
    }
    Ok(())
}
