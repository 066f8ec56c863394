//! The job of most tests, from topic to topic, in a process that can be killed.
use crate::common::{Cluster, Seen};
use millstream_kafka::{End, Kafka};
use millstream_operators::job::{Job, launch};
use millstream_runtime::run::{Options, Outcome, Restarts, RunError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// What the child is told, as JSON.
const CHILD: &str = "MILLSTREAM_TEST_BRIDGE";

/// The job. Its defaults end when all input is read.
#[derive(Clone, Serialize, Deserialize)]
pub struct Bridge {
    pub brokers: String,
    pub input: String,
    pub output: String,
    pub state: String,
    pub workers: usize,
    pub is_endless: bool,
    pub interval_ms: u64,
    pub transaction_ms: u64,
}

/// The child itself. Run as a test of its own it has nothing to do.
#[test]
fn the_child() {
    let Ok(told) = std::env::var(CHILD) else { return };
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let told: Bridge = serde_json::from_str(&told).unwrap();
    match told.run_here() {
        Ok(Outcome::Finished | Outcome::AlreadyFinished) => std::process::exit(0),
        Ok(other) => panic!("{other:?}"),
        Err(e) => {
            eprintln!("{e}");
            std::process::exit(3)
        }
    }
}

impl Bridge {
    pub fn new(cluster: &Cluster, input: &str, output: &str, state: &Path) -> Self {
        Self {
            brokers: cluster.brokers.clone(),
            input: input.into(),
            output: output.into(),
            state: state.to_string_lossy().into_owned(),
            workers: 1,
            is_endless: false,
            interval_ms: 100,
            transaction_ms: 60_000,
        }
    }

    fn run_here(self) -> Result<Outcome, RunError> {
        let mut options = Options { workers: self.workers, ..Options::new(self.output.clone(), self.state.clone()) };
        options.pace.interval = Some(Duration::from_millis(self.interval_ms));
        options.restarts = Restarts { attempts: 0, ..Restarts::default() };
        let end = if self.is_endless { End::Never } else { End::Latest };
        launch(&options, move |job: &Job| {
            let sink = Kafka::copy(&self.brokers, &self.output).write_ahead(1 << 20).exactly_once();
            let sink = sink.option("transaction.timeout.ms", self.transaction_ms.to_string());
            job.source("in", Kafka::read(&self.brokers, &self.input).end(end)).sink("out", sink);
            Ok(())
        })
    }

    /// Starts it; it dies, or with a file waits while that is there, when it passes a failpoint: `place:count[:FILE]`.
    pub fn start(&self, failpoint: Option<String>) -> Child {
        let mut child = self.command();
        child.envs(failpoint.map(|failpoint| ("MILLSTREAM_FAILPOINT", failpoint)));
        child.spawn().unwrap()
    }

    /// What starts it.
    pub fn command(&self) -> Command {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "bridge::the_child", "--nocapture"]).env(CHILD, serde_json::to_string(self).unwrap());
        child
    }

    /// Runs it to its end, or to a failpoint.
    pub fn run(&self, failpoint: Option<(&str, u64)>) -> ExitStatus {
        self.start(failpoint.map(|(place, count)| format!("{place}:{count}"))).wait().unwrap()
    }

    /// Runs it to the end of what is there, as often as a supervisor would start it.
    pub fn finish(&self, starts: usize) {
        let bridge = Self { is_endless: false, ..self.clone() };
        let ends_well = (0..starts).any(|_| bridge.run(None).success());
        assert!(ends_well, "the job does not end well, started {starts} times");
    }
}

/// Waits for something that takes a while.
pub fn until(what: &str, patience: Duration, is_so: impl FnMut() -> bool) {
    assert!(within(patience, is_so), "{what}: not within {patience:?}");
}

/// Whether it comes soon enough.
pub fn within(patience: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while !is_so() {
        if began.elapsed() >= patience {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

/// Some megabytes, so that there are several checkpoints: the sink asks for one at half a MiB.
pub fn input(count: u64, partitions: i32) -> Vec<Seen> {
    let mut all = crate::common::records(count, partitions);
    for (n, record) in all.iter_mut().enumerate() {
        if let Some(value) = record.value.as_mut().filter(|value| !value.is_empty()) {
            value.extend_from_slice(format!(" {n} ").as_bytes());
            value.resize(900, b'.');
        }
    }
    all
}

/// Every record once, unchanged, and those of a key in their order.
pub fn same(sent: &[Seen], got: &[Seen], what: &str) {
    let content = |r: &Seen| (r.key.clone(), r.value.clone(), r.headers.clone(), r.timestamp);
    let by_key = |all: &[Seen]| {
        let mut keys: BTreeMap<Option<Vec<u8>>, Vec<_>> = BTreeMap::new();
        all.iter().for_each(|r| keys.entry(r.key.clone()).or_default().push(content(r)));
        keys.entry(None).or_default().sort(); // without a key there is no order
        keys
    };
    assert_eq!(got.len(), sent.len(), "{what}: so many records came out");
    assert!(by_key(sent) == by_key(got), "{what}: records differ, or their order");
}
