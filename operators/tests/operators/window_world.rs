//! Runs a job of windows on given events, and gives what its sinks made visible.
use millstream_operators::Job;
use millstream_operators::substitute::Substitutes;
use millstream_operators::window::Windowed;
use millstream_runtime::batch::Batch;
use millstream_runtime::codec;
use millstream_runtime::data::{Bytes, Data};
use millstream_runtime::run::failpoint::Failpoint;
use millstream_runtime::run::{BuildGraph, Jitter, Options, Outcome, RunError, run};
use millstream_runtime::sink::{Sink, Staging, Writer};
use millstream_runtime::source::{Progress, Reader, Source, Splits};
use millstream_runtime::{BoxError, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub key: String,
    pub at: i64,
    pub number: u64,
}

/// In the place of a source or sink that a test substitutes.
pub struct Outside;

impl Source for Outside {
    type Split = u32;
    type Reader = Outside;
    fn splits(&mut self) -> Result<Splits<u32>> {
        Err("substituted".into())
    }
    fn open(&self, _: &u32, _: Option<u64>) -> Result<Outside> {
        Err("substituted".into())
    }
}

impl Reader for Outside {
    type Item = Event;
    type Offset = u64;
    fn read(&mut self, _: &mut Batch<Event>) -> Result<Progress> {
        Err("substituted".into())
    }
    fn offset(&self) -> u64 {
        0
    }
}

impl<T: Data> Sink<T> for Outside {
    type Writer = Outside;
    fn open(&self, _: usize, _: &[String]) -> Result<Outside> {
        Err("substituted".into())
    }
    fn commit(&self, _: String) -> Staging<()> {
        Box::pin(std::future::ready(Err("substituted".into())))
    }
}

impl<T: Data> Writer<T> for Outside {
    type Committable = String;
    fn write(&mut self, _: &mut Batch<T>) -> Result<()> {
        Err("substituted".into())
    }
    fn prepare(&mut self, _: u64) -> Staging<Vec<String>> {
        Box::pin(std::future::ready(Err("substituted".into())))
    }
}

/// What the sinks made visible, by uid.
pub struct Visible(BTreeMap<String, Vec<Bytes>>);

impl Visible {
    pub fn all<T: Data>(&self, uid: &str) -> Vec<T> {
        self.0.get(uid).into_iter().flatten().map(|bytes| codec::decode(bytes).unwrap()).collect()
    }

    /// Sorted, as text: key, start, end, revision, value.
    pub fn results<V: Data + std::fmt::Debug>(&self, uid: &str) -> Vec<String> {
        let all = self.all::<Windowed<String, V>>(uid);
        let line = |w: Windowed<String, V>| result(&w.key, w.start.0, w.end.0, w.revision, &w.value);
        let mut lines: Vec<String> = all.into_iter().map(line).collect();
        lines.sort();
        lines
    }
}

/// A result as [`Visible::results`] writes it.
pub fn result(key: &str, start: i64, end: i64, revision: u32, value: &impl std::fmt::Debug) -> String {
    format!("{key} {start}..{end} #{revision} {value:?}")
}

/// How a job is run.
#[derive(Clone, Copy)]
pub struct How {
    pub workers: usize,
    pub seed: u64,
    /// Where the first run is killed.
    pub dies: Option<(&'static str, u64)>,
}

/// Runs the job to its end, again after it was killed. Says whether it was.
pub fn visible(build: fn(&Job), events: Vec<Event>, how: How) -> (Visible, bool) {
    let mut substitutes = Substitutes::default();
    substitutes.feed("events", events);
    let substitutes = Arc::new(substitutes);
    let outside = Arc::clone(&substitutes);
    let graph: BuildGraph = Arc::new(move || {
        let job = Job::substituted(Arc::clone(&outside));
        build(&job);
        Ok::<_, BoxError>(job.graph().clone())
    });
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::new("windows", folder.path().to_str().unwrap());
    options.workers = how.workers;
    options.pace.slice = Duration::from_micros(500);
    options.pace.interval = Some(Duration::from_millis(4));
    options.pace.jitter = Some(how.seed);
    options.binary = how.seed % 2 == 1;
    options.failpoint = how.dies.map(|(place, count)| Failpoint::new(place, count));
    let mut killed = false;
    loop {
        match run(&options, Arc::clone(&graph)) {
            // Killed after the last manifest, only what that promised was left to do.
            Ok(outcome) if outcome == Outcome::Finished || killed => return (Visible(substitutes.visible()), killed),
            Err(RunError::Killed(_)) if !killed => killed = true,
            other => panic!("{other:?}"),
        }
        options.failpoint = None;
    }
}

/// Events of a few keys, of which each is at most `behind` older than the newest before it: some before 1970.
pub fn events(seed: u64, count: u64, behind: u64) -> Vec<Event> {
    let mut random = Jitter::new(seed);
    let mut newest = -(count as i64);
    let mut event = |number| {
        newest += if random.below(40) == 0 { 500 } else { random.below(8) as i64 };
        let at = newest - random.below(behind + 1) as i64;
        Event { key: format!("k{}", random.below(7)), at, number }
    };
    (0..count).map(&mut event).collect()
}
