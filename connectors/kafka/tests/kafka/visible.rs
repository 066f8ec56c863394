//! When readers of committed records see what a job writes.
use crate::bridge::{Bridge, until};
use crate::common::{Cluster, PATIENCE, Seen};
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_millis(200);
/// For the send of some kilobytes, on a machine that is busy with other tests; what hangs, hangs for ten seconds and more. How long it
/// usually takes is measured in benches/kafka.
const SEND: Duration = Duration::from_secs(4);
const LASTS: Duration = Duration::from_secs(8);

#[test]
fn a_reader_never_waits_longer_than_the_interval_and_the_send() {
    let Some(cluster) = Cluster::up() else { return };
    let (from, to) = (cluster.topic("live-in", 2), cluster.topic("live-out", 2));
    let state = tempfile::tempdir().unwrap();
    let bridge = Bridge::new(&cluster, &from, &to, state.path());
    let bridge = Bridge { is_endless: true, interval_ms: INTERVAL.as_millis() as u64, ..bridge };
    let mut child = bridge.start(None);
    let feeder = std::thread::spawn({
        let (cluster, from) = (cluster.clone(), from.clone());
        move || feed(&cluster, &from)
    });
    until("the first commit", PATIENCE, || cluster.ends(&to).0 > 0);
    let (mut seen, mut longest) = ((cluster.ends(&to).0, Instant::now()), Duration::ZERO);
    while !feeder.is_finished() {
        let stable = cluster.ends(&to).0;
        longest = longest.max(seen.1.elapsed());
        if stable > seen.0 {
            seen = (stable, Instant::now());
        }
    }
    let _ = (child.kill(), child.wait());
    feeder.join().unwrap();
    assert!(longest < INTERVAL + SEND, "nothing new could be read for {longest:?}");
}

/// A few records every few milliseconds, for a while.
fn feed(cluster: &Cluster, topic: &str) {
    let began = Instant::now();
    let record = |partition| Seen { value: Some(vec![b'x'; 200]), partition, ..Seen::default() };
    while began.elapsed() < LASTS {
        cluster.fill(topic, &[record(0), record(1)]);
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_a_dead_job_has_left_open_is_aborted_when_it_starts_again() {
    let Some(cluster) = Cluster::up() else { return };
    let (from, to) = (cluster.topic("open-in", 1), cluster.topic("open-out", 1));
    let state = tempfile::tempdir().unwrap();
    cluster.fill(&from, &crate::common::records(100, 1));
    let bridge = Bridge { transaction_ms: 600_000, ..Bridge::new(&cluster, &from, &to, state.path()) };
    assert!(!bridge.run(Some(("transaction.sent", 1))).success());
    let (stable, high) = cluster.ends(&to);
    assert!(stable < high, "the dead job has left a transaction open, which the broker keeps for ten minutes");
    bridge.finish(1);
    let (stable, high) = cluster.ends(&to);
    assert_eq!(stable, high);
    assert_eq!(cluster.read(&to).len(), 100);
}
