//! A job from topic to topic, killed at each step between write-ahead and commit: what comes out is what went in.
use crate::common::{Cluster, Seen, unique};
use crate::proxy::Proxy;
use millstream_kafka::{End, Kafka};
use millstream_operators::job::{Job, launch};
use millstream_runtime::run::{Options, Outcome, Restarts};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

/// Every step of a checkpoint and of its transactions.
const PLACES: [&str; 12] = [
    "prepare.after",
    "write.before",
    "write.after",
    "manifest.before",
    "manifest.after",
    "commit.before",
    "transaction.begun",
    "transaction.marked",
    "transaction.sent",
    "transaction.committed",
    "commit.after",
    "committed.before",
];

/// What the child is told: brokers, input, output, state, workers.
const CHILD: &str = "MILLSTREAM_TEST_BRIDGE";

/// The job, in a process that can be killed. Run as a test of its own it has nothing to do.
#[test]
fn the_child() {
    let Ok(told) = std::env::var(CHILD) else { return };
    let told: Vec<String> = told.split('|').map(str::to_owned).collect();
    let [brokers, input, output, state, workers] = &told[..] else { panic!("{told:?}") };
    let mut options = Options { workers: workers.parse().unwrap(), ..Options::new(output.clone(), state.clone()) };
    options.pace.interval = Some(Duration::from_millis(100));
    options.restarts = Restarts { attempts: 0, ..Restarts::default() };
    let (brokers, input, output) = (brokers.clone(), input.clone(), output.clone());
    let outcome = launch(&options, move |job: &Job| {
        let sink = Kafka::copy(&brokers, &output).write_ahead(1 << 20).exactly_once();
        job.source("in", Kafka::read(&brokers, &input).end(End::Latest)).sink("out", sink);
        Ok(())
    });
    match outcome {
        Ok(Outcome::Finished | Outcome::AlreadyFinished) => std::process::exit(0),
        other => {
            eprintln!("{other:?}");
            std::process::exit(3)
        }
    }
}

struct Bridge<'a> {
    cluster: &'a Cluster,
    input: String,
    output: String,
    state: &'a Path,
    workers: usize,
}

impl Bridge<'_> {
    fn run(&self, failpoint: Option<(&str, u64)>) -> ExitStatus {
        let failpoint = failpoint.map(|(place, count)| format!("{place}:{count}"));
        self.start(&self.cluster.brokers, failpoint).wait().unwrap()
    }

    fn start(&self, brokers: &str, failpoint: Option<String>) -> Child {
        let told = [brokers, &self.input, &self.output, &self.state.to_string_lossy(), &self.workers.to_string()];
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "crash::the_child", "--nocapture"]).env(CHILD, told.join("|"));
        child.envs(failpoint.map(|failpoint| ("MILLSTREAM_FAILPOINT", failpoint)));
        child.spawn().unwrap()
    }

    fn finish(&self) {
        let status = self.run(None);
        assert!(status.success(), "the job ends with {status}");
    }
}

/// Some megabytes, so that there are several checkpoints: the sink asks for one at half a MiB.
fn input(count: u64, partitions: i32) -> Vec<Seen> {
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
fn same(sent: &[Seen], got: &[Seen], what: &str) {
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

#[test]
fn a_job_killed_at_any_step_delivers_every_record_once() {
    let Some(cluster) = Cluster::up() else { return };
    let runs = std::env::var("MILLSTREAM_KAFKA_RUNS").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
    let sent = input(4000, 3);
    let topic = cluster.topic("crash-in", 3);
    cluster.fill(&topic, &sent);
    let mut kills = 0;
    for run in 0..runs {
        let (place, state) = (PLACES[run % PLACES.len()], tempfile::tempdir().unwrap());
        let output = cluster.topic("crash-out", 4);
        let bridge =
            Bridge { cluster: &cluster, input: topic.clone(), output, state: state.path(), workers: 1 + run / 3 % 2 };
        for count in [1 + run as u64 % 3, 1 + run as u64 / 7 % 5] {
            kills += usize::from(!bridge.run(Some((place, count))).success());
        }
        bridge.finish();
        same(&sent, &cluster.read(&bridge.output), &format!("run {run}, killed at {place}"));
        let (stable, high) = cluster.ends(&bridge.output);
        assert_eq!(stable, high, "run {run}, killed at {place}: a transaction was left open");
    }
    assert!(kills >= runs, "only {kills} kills in {runs} runs: the failpoints are not passed");
}

#[test]
fn a_job_whose_network_is_cut_at_any_step_delivers_every_record_once() {
    let Some(cluster) = Cluster::up() else { return };
    let proxy = Proxy::start(&cluster.brokers);
    let sent = input(2500, 3);
    let topic = cluster.topic("cut-in", 3);
    cluster.fill(&topic, &sent);
    let mut cuts = 0;
    for (run, place) in PLACES.iter().enumerate() {
        let state = tempfile::tempdir().unwrap();
        let output = cluster.topic("cut-out", 4);
        let bridge = Bridge { cluster: &cluster, input: topic.clone(), output, state: state.path(), workers: 1 };
        let paused = state.path().with_extension("paused");
        let mut child = bridge.start(&proxy.address, Some(format!("{place}:{}:{}", 1 + run % 3, paused.display())));
        while child.try_wait().unwrap().is_none() {
            if paused.exists() {
                proxy.cut();
                std::fs::remove_file(&paused).unwrap();
                std::thread::sleep(Duration::from_millis(300 * (1 + run as u64 % 4)));
                proxy.heal();
                cuts += 1;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(child.wait().unwrap().success(), "a cut at {place} ends the job");
        same(&sent, &cluster.read(&bridge.output), &format!("cut at {place}"));
    }
    assert!(cuts >= PLACES.len() / 2, "only {cuts} cuts");
}

#[test]
fn a_restart_goes_on_with_other_workers_and_with_partitions_that_were_added() {
    let Some(cluster) = Cluster::up() else { return };
    let state = tempfile::tempdir().unwrap();
    let (mut sent, topic) = (input(1000, 1), cluster.topic("rescale-in", 1));
    cluster.fill(&topic, &sent);
    let output = cluster.topic("rescale-out", 2);
    let mut bridge = Bridge { cluster: &cluster, input: topic.clone(), output, state: state.path(), workers: 1 };
    assert!(!bridge.run(Some(("transaction.sent", 2))).success());
    let more = rdkafka::admin::NewPartitions::new(&topic, 3);
    crate::common::wait(cluster.admin().create_partitions([&more], &Default::default())).unwrap();
    while cluster.partitions(&topic) < 3 {
        std::thread::sleep(Duration::from_millis(50));
    }
    let late = Seen { key: Some(b"late".to_vec()), partition: 2, ..input(2, 1).remove(1) };
    cluster.fill(&topic, std::slice::from_ref(&late));
    sent.push(late);
    bridge.workers = 3;
    bridge.finish();
    same(&sent, &cluster.read(&bridge.output), "after a rescale");
}

/// The hash of Java's default partitioner.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut h = 0x9747_b28c ^ data.len() as u32;
    let (words, rest) = data.as_chunks::<4>();
    for word in words {
        let k = u32::from_le_bytes(*word).wrapping_mul(M);
        h = h.wrapping_mul(M) ^ (k ^ k >> 24).wrapping_mul(M);
    }
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0, |tail, byte| tail << 8 | u32::from(*byte));
        h = (h ^ tail).wrapping_mul(M);
    }
    h = (h ^ h >> 13).wrapping_mul(M);
    (h ^ h >> 15) & 0x7fff_ffff
}

#[test]
fn keys_are_placed_as_java_places_them() {
    let Some(cluster) = Cluster::up() else { return };
    let (state, topic) = (tempfile::tempdir().unwrap(), cluster.topic("java-in", 1));
    cluster.fill(&topic, &input(500, 1));
    let output = cluster.topic(&unique("java-out"), 5);
    let bridge = Bridge { cluster: &cluster, input: topic, output, state: state.path(), workers: 1 };
    bridge.finish();
    for record in cluster.read(&bridge.output) {
        if let Some(key) = record.key {
            assert_eq!(record.partition as u32, murmur2(&key) % 5, "{key:?}");
        }
    }
}
