//! Memory while the same records are replaced again and again: it must follow the contents, not what has ever changed.
use crate::contents::{OF_A_KEY, change};
use crate::forget::Forget;
use crate::table::{is_asked_for, most};
use crate::usage::resident_mib;
use crate::{EACH_SECOND, launch};
use millstream::connectors::generate;
use millstream::job::Job;
use millstream_collections::{Change, ChangesToCollection};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The contents of the collection, what is replaced in it, and how fast.
const RECORDS: u64 = 50_000;
const CHANGES: u64 = RECORDS + 1_500_000;
const RATE: u64 = 50_000;
/// Looks at the memory in one run.
const LOOKS: u64 = 12;

/// Resident MiB, at each look.
type Seen = Arc<Mutex<Vec<f64>>>;

pub fn lines() {
    grown("memory: all verbs, 3,000 epochs, checkpoints off", None);
    grown("memory: all verbs, 3,000 epochs, checkpoints 1 s", EACH_SECOND);
}

/// How much more memory there is in the last third of the run than in the second.
fn grown(what: &str, interval: Option<Duration>) {
    if !is_asked_for(what) {
        return;
    }
    let seen = Seen::default();
    let looks = Arc::clone(&seen);
    launch::run(1, interval, move |job| draw(job, &looks));
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let third = seen.len() / 3;
    let (then, now): (f64, f64) = (seen[third..2 * third].iter().sum(), seen[2 * third..3 * third].iter().sum());
    let all: Vec<String> = seen.iter().map(|mib| format!("{mib:.0}")).collect();
    most(what, now / then, 1.2, "x", &format!("MiB: {}", all.join(" ")));
}

fn draw(job: &Job, seen: &Seen) {
    let step = (CHANGES - RECORDS) / LOOKS;
    let seen = Arc::clone(seen);
    let source = generate(CHANGES, move |n| {
        if n > RECORDS && (n - RECORDS) % step == step / 2 {
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(resident_mib());
        }
        let (value, weight) = change(n, RECORDS, OF_A_KEY);
        Change { value, weight }
    });
    let records = job.source("records", source.rate(RATE)).changes_to_collection("kept");
    let greatest = records.clone().reduce(|_, values| values.last().map(|(value, _)| **value));
    greatest.clone().changes().sink("greatest", Forget);
    records.clone().join(greatest, |key, value, best| (*key, best - value)).changes().sink("joined", Forget);
    records.clone().map(|(key, value)| (key, value % 4)).distinct().changes().sink("distinct", Forget);
    records.top_k(3).changes().sink("top", Forget);
}
