//! Three brokers, of which one dies at a time: the job goes on with the other two, and what comes out is what went in.
use crate::bridge::{Bridge, until};
use crate::common::{Cluster, PATIENCE as FLUSH, Seen, records, send_all};
use crate::instance::{Instance, PATIENCE, Supervised};
use rdkafka::producer::{BaseProducer, Producer};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// Which broker dies.
#[derive(Clone, Copy, Debug)]
enum Victim {
    /// It leads all partitions of the input and of the output.
    Leader,
    /// It decides on the transactions of the sink's first lane.
    Coordinator,
}

/// Where a transaction is when the broker dies.
const LOSSES: [(&str, Victim); 6] = [
    ("transaction.sent", Victim::Leader),
    ("transaction.committed", Victim::Coordinator),
    ("transaction.begun", Victim::Leader),
    ("transaction.sent", Victim::Coordinator),
    ("transaction.marked", Victim::Coordinator),
    ("manifest.after", Victim::Leader),
];

/// So many of [`LOSSES`] are tried, unless `MILLSTREAM_KAFKA_LOSSES` says otherwise: each takes ten seconds, thirty where the
/// machine is busy.
const USUAL: usize = 2;

/// Of the topic that keeps the state of transactions; see the template of `cargo xtask services`.
const COORDINATORS: i32 = 4;

#[test]
fn a_cluster_that_loses_a_leader_or_a_coordinator_loses_and_doubles_nothing() {
    let Some(brokers) = Instance::up("fails-over", 3, &["broker.session.timeout.ms=3000"]) else { return };
    let cluster = &brokers.cluster;
    let losses = std::env::var("MILLSTREAM_KAFKA_LOSSES").ok().and_then(|n| n.parse().ok()).unwrap_or(USUAL);
    let (from, to) = (cluster.topic_at("failing-in", 3, &[1, 2, 3]), cluster.topic_at("failing-out", 4, &[1, 2, 3]));
    let (state, all) = (tempfile::tempdir().unwrap(), records(200_000, 3));
    let job = Bridge { is_endless: true, ..Bridge::new(cluster, &from, &to, state.path()) };
    let (over, is_over) = channel();
    std::thread::scope(|scope| {
        let over = over; // it is over when this is dropped, in a panic, too
        let feeder = scope.spawn(|| feed(cluster, &from, &all, is_over));
        for (place, victim) in LOSSES.iter().cycle().take(losses) {
            lose(&brokers, &job, place, *victim);
        }
        drop(over);
        let sent = &all[..feeder.join().unwrap()];
        Supervised::start(&job, None).until_it_copied(cluster, sent.len());
        brokers.check(&job, sent, &format!("{losses} brokers lost"));
    });
}

/// Sends records all the time, and says how many when it is over.
fn feed(cluster: &Cluster, topic: &str, all: &[Seen], is_over: Receiver<()>) -> usize {
    let producer: BaseProducer = cluster.config().set("enable.idempotence", "true").create().unwrap();
    let mut sent = 0;
    for some in all.chunks(50) {
        send_all(&producer, topic, some);
        producer.flush(FLUSH).unwrap();
        sent += some.len();
        if is_over.recv_timeout(Duration::from_millis(50)) == Err(RecvTimeoutError::Disconnected) {
            return sent;
        }
    }
    panic!("the test takes longer than its input lasts");
}

/// Kills a broker while the job is in a transaction, and starts it again when the others have taken over.
fn lose(brokers: &Instance, job: &Bridge, place: &str, victim: Victim) {
    let cluster = &brokers.cluster;
    let mut running = Supervised::start(job, Some(&format!("{place}:3")));
    until("it is in a transaction", PATIENCE, || running.paused.exists());
    let dead = match victim {
        Victim::Leader => leader(cluster, &job.output, 0),
        Victim::Coordinator => leader(cluster, "__transaction_state", coordinator(&format!("{}.out.0", job.output))),
    };
    let before = cluster.ends(&job.output).0;
    brokers.signal(dead as usize, "KILL");
    running.released(|| {
        until("the job goes on without the broker", PATIENCE, || cluster.ends(&job.output).0 > before + 1000);
        brokers.start();
        until("the broker is back in every partition", PATIENCE, || are_in_sync(cluster));
    });
    let ended = running.child.try_wait().unwrap();
    assert!(ended.is_none(), "a {victim:?} that dies at {place} ends the job: {ended:?}");
}

fn leader(cluster: &Cluster, topic: &str, partition: i32) -> i32 {
    let metadata = cluster.metadata(Some(topic));
    metadata.topics()[0].partitions().iter().find(|p| p.id() == partition).unwrap().leader()
}

/// Whether every partition of every topic has three replicas that know everything.
fn are_in_sync(cluster: &Cluster) -> bool {
    cluster.metadata(None).topics().iter().flat_map(|topic| topic.partitions()).all(|p| p.isr().len() == 3)
}

/// The partition in which the cluster keeps the state of a transactional id, by its hash in Java.
fn coordinator(id: &str) -> i32 {
    let hash = id.encode_utf16().fold(0i32, |hash, c| hash.wrapping_mul(31).wrapping_add(i32::from(c)));
    (hash & i32::MAX) % COORDINATORS
}
