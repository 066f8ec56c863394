//! The job that is measured: counts by key, and keeps a text beside each count.
use crate::due::{Due, all};
use crate::forget::Forget;
use millstream::prelude::*;
use std::process::ExitCode;

#[derive(clap::Args, Serialize, Deserialize)]
struct Load {
    /// How many records; without it they never end.
    #[arg(long)]
    records: Option<u64>,
    /// Records a second, if they never end.
    #[arg(long, default_value = "100000")]
    rate: u64,
    /// When the first record is due, in milliseconds since the Unix epoch.
    #[arg(long, default_value = "0")]
    began: u64,
    /// How many keys.
    #[arg(long)]
    keys: u64,
    /// How wide the text is.
    #[arg(long, default_value = "0")]
    width: usize,
}

#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Seen {
    count: u64,
    text: String,
}

pub fn main() -> ExitCode {
    Job::main_with("scale", |job, load: &Load| {
        let numbers = match load.records {
            Some(count) => job.source("numbers", all(count)),
            None => job.source("numbers", Due { began_ms: load.began, rate: load.rate }),
        };
        let (keys, width) = (load.keys, load.width);
        let counted = numbers.key_by(move |n| n % keys).process_fn("count", move |key, seen: &mut Seen, event, out| {
            if let Event::Record(_) = event {
                if seen.text.len() < width {
                    seen.text = format!("{key:0width$}");
                }
                seen.count += 1;
                out.emit((*key, seen.count));
            }
        });
        counted.sink("out", Forget);
        Ok(())
    })
}
