//! The broker dies or stands still in the middle of a job: what comes out is what went in. These tests have brokers of their
//! own, which `cargo xtask services` starts for them.
use crate::bridge::{Bridge, input, until};
use crate::common::Seen;
use crate::instance::{Instance, PATIENCE, Supervised};
use std::collections::BTreeMap;
use std::time::Duration;

/// So often a broker may lose an abort marker.
const TRIES: usize = 4;
/// A job that does not go on for so long waits for a transaction that hangs open.
const HANGS: Duration = Duration::from_secs(60);

#[test]
fn a_broker_that_dies_and_comes_back_loses_and_doubles_nothing() {
    // It waits for its own old registration before it comes back.
    let Some(broker) = Instance::up("dies", 1, &["broker.session.timeout.ms=3000"]) else { return };
    // A lone broker that dies loses abort markers now and then (docs/kafka.md): the job stops and says so, nothing is doubled.
    assert!((0..TRIES).any(|_| survives_two_deaths(&broker)), "it has lost abort markers {TRIES} times");
}

/// Whether everything came out once; else the broker has lost an abort marker, and nothing came out twice.
fn survives_two_deaths(broker: &Instance) -> bool {
    let (state, mut sent) = (tempfile::tempdir().unwrap(), input(3000, 3));
    let job = broker.job(state.path(), &sent);
    {
        let mut running = Supervised::start(&job, None);
        let mut committed = 0;
        for turn in 0..2 {
            // Not while it aborts: what a lone broker had prepared to abort when it died, it forgets (docs/kafka.md).
            until("it commits", PATIENCE, || broker.cluster.ends(&job.output).0 > committed);
            broker.signal(1, "KILL");
            broker.start();
            committed = broker.cluster.ends(&job.output).0;
            let more = input(500 + turn, 3);
            broker.cluster.fill(&job.input, &more);
            sent.extend(more);
        }
        if !running.copies_within(HANGS, &broker.cluster, sent.len()) {
            let (stable, high) = broker.cluster.ends(&format!("millstream.{}.out.markers", job.output));
            assert!(stable < high, "it stands still, and no transaction hangs open");
            drop(running);
            no_record_twice(&sent, &broker.cluster.read(&job.output));
            return false;
        }
    }
    broker.check(&job, &sent, "a broker killed twice");
    true
}

/// Nothing came out that did not go in, nor more often.
fn no_record_twice(sent: &[Seen], read: &[Seen]) {
    let mut left = BTreeMap::new();
    sent.iter().for_each(|one| *left.entry((&one.key, &one.value, &one.headers)).or_insert(0) += 1);
    read.iter().for_each(|one| *left.entry((&one.key, &one.value, &one.headers)).or_insert(0) -= 1);
    assert!(left.values().all(|left| *left >= 0), "records came twice");
}

#[test]
fn a_transaction_that_the_broker_has_aborted_for_its_timeout_is_sent_again() {
    // A lone broker that loses its own session would skip abort markers (docs/kafka.md): its session outlives the pause.
    let settings: &[&str] =
        &["broker.session.timeout.ms=60000", "transaction.abort.timed.out.transaction.cleanup.interval.ms=500"];
    let Some(broker) = Instance::up("stands", 1, settings) else { return };
    for (pauses_broker, place) in
        [(true, "transaction.sent"), (false, "transaction.sent"), (false, "transaction.marked")]
    {
        let (state, sent) = (tempfile::tempdir().unwrap(), input(2000, 3));
        let job = Bridge { transaction_ms: 5000, ..broker.job(state.path(), &sent) };
        let mut running = Supervised::start(&job, Some(&format!("{place}:3")));
        until("it is in a transaction", PATIENCE, || running.paused.exists());
        if pauses_broker {
            broker.signal(1, "STOP");
        }
        std::thread::sleep(Duration::from_secs(7));
        if pauses_broker {
            broker.signal(1, "CONT");
        } else {
            let (stable, high) = broker.cluster.ends(&job.output);
            assert_eq!(stable, high, "the broker has aborted it");
        }
        running.until_it_copied(&broker.cluster, sent.len());
        drop(running);
        broker.check(&job, &sent, &format!("held at {place}, the broker too: {pauses_broker}"));
    }
}
