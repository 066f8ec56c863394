//! A job from topic to topic, killed at each step between write-ahead and commit: what comes out is what went in.
use crate::bridge::{Bridge, input, same};
use crate::common::{Cluster, Seen, unique};
use crate::proxy::Proxy;
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
        let workers = 1 + run / 3 % 2;
        let bridge = Bridge { workers, ..Bridge::new(&cluster, &topic, &output, state.path()) };
        for count in [1 + run as u64 % 3, 1 + run as u64 / 7 % 5] {
            kills += usize::from(!bridge.run(Some((place, count))).success());
        }
        bridge.finish(1);
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
        let bridge = Bridge { brokers: proxy.address.clone(), ..Bridge::new(&cluster, &topic, &output, state.path()) };
        let paused = state.path().with_extension("paused");
        let mut child = bridge.start(Some(format!("{place}:{}:{}", 1 + run % 3, paused.display())));
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
    let mut bridge = Bridge::new(&cluster, &topic, &output, state.path());
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
    bridge.finish(1);
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
    let bridge = Bridge::new(&cluster, &topic, &output, state.path());
    bridge.finish(1);
    for record in cluster.read(&bridge.output) {
        if let Some(key) = record.key {
            assert_eq!(record.partition as u32, murmur2(&key) % 5, "{key:?}");
        }
    }
}
