//! First light: a job from source to sink, killed at each place.
use millstream_operators::job::Job;
use millstream_operators::process_fn::Event;
use millstream_operators::substitute::Substitutes;
use millstream_runtime::run::{Options, Outcome, Pace, RunError, failpoint, run};
use millstream_runtime::sink::*;
use millstream_runtime::source::{Batch, Progress, Reader, Source, Splits};
use std::sync::Arc;

struct None_;
struct NoReader;
impl Source for None_ {
    type Split = u32;
    type Reader = NoReader;
    fn splits(&mut self) -> millstream_runtime::Result<Splits<u32>> {
        Ok(Splits::Fixed(vec![]))
    }
    fn open(&self, _: &u32, _: Option<u64>) -> millstream_runtime::Result<NoReader> {
        Ok(NoReader)
    }
}
impl Reader for NoReader {
    type Item = u64;
    type Offset = u64;
    fn read(&mut self, _: &mut Batch<u64>) -> millstream_runtime::Result<Progress> {
        Ok(Progress::Ended)
    }
    fn offset(&self) -> u64 {
        0
    }
}
struct NoSink;
impl Sink<(u64, u64)> for NoSink {
    type Writer = NoWriter;
    fn open(&self, _: usize, _: &[u64]) -> millstream_runtime::Result<NoWriter> {
        Ok(NoWriter)
    }
    fn commit(&self, _: u64) -> Staging<()> {
        now(Ok(()))
    }
}
struct NoWriter;
impl Writer<(u64, u64)> for NoWriter {
    type Committable = u64;
    fn write(&mut self, _: &mut Batch<(u64, u64)>) -> millstream_runtime::Result<()> {
        Ok(())
    }
    fn prepare(&mut self, _: u64) -> Staging<Vec<u64>> {
        now(Ok(vec![]))
    }
}

fn build(job: &Job) {
    job.source("numbers", None_)
        .filter(|n| n % 7 != 0)
        .key_by(|n| n % 13)
        .process_fn("count", |key, count: &mut u64, event, out| {
            if let Event::Record(_) = event {
                *count += 1;
                out.emit((*key, *count));
            }
        })
        .sink("out", NoSink);
}

fn options(dir: &tempfile::TempDir, workers: usize, seed: u64) -> Options {
    let mut o = Options::new("smoke", dir.path().join("state").to_string_lossy());
    o.workers = workers;
    o.pace = Pace { jitter: Some(seed), ..Pace::default() };
    o
}

#[test]
fn numbers_are_counted_once_whatever_dies() {
    let expected = {
        let mut counts = std::collections::BTreeMap::new();
        let mut all: Vec<Vec<u8>> = (0..3000u64)
            .filter(|n| n % 7 != 0)
            .map(|n| {
                let c = counts.entry(n % 13).or_insert(0u64);
                *c += 1;
                millstream_runtime::codec::encode(&(n % 13, *c)).unwrap()
            })
            .collect();
        all.sort();
        all
    };
    for seed in 0..30u64 {
        let dir = tempfile::tempdir().unwrap();
        let mut substitutes = Substitutes::default();
        substitutes.feed("numbers", (0..3000u64).collect());
        let substitutes = Arc::new(substitutes);
        let subs = Arc::clone(&substitutes);
        let build: millstream_runtime::run::BuildGraph = Arc::new(move || {
            let job = Job::substituted(Arc::clone(&subs));
            build(&job);
            Ok(job.graph().clone())
        });
        let mut kills = 0;
        for attempt in 0..20u64 {
            let mut o = options(&dir, 1 + (seed + attempt) as usize % 3, seed * 100 + attempt);
            let place = failpoint::PLACES[(seed + attempt) as usize % failpoint::PLACES.len()];
            o.failpoint = (attempt < 8).then(|| failpoint::Failpoint::new(place, 1 + attempt % 3));
            let r = run(&o, Arc::clone(&build));
            eprintln!(
                "seed {seed} attempt {attempt} workers {} place {place} -> {r:?} {:?}",
                o.workers,
                o.status.last_failure()
            );
            match r {
                Ok(Outcome::Finished | Outcome::AlreadyFinished) => break,
                Ok(Outcome::Stopped) => panic!("nobody stopped it"),
                Err(RunError::Killed(_)) => kills += 1,
                Err(e) => panic!("seed {seed}: {e}"),
            }
        }
        assert_eq!(substitutes.visible().get("out"), Some(&expected), "seed {seed}, {kills} kills");
    }
}
