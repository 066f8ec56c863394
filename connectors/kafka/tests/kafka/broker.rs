//! The broker dies or stands still in the middle of a job: what comes out is what went in. These tests have brokers of their
//! own, which `cargo xtask services` starts for them.
use crate::bridge::{Bridge, input, same, until};
use crate::common::{Cluster, Seen};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(120);

/// An instance that nobody else uses; stopped when dropped.
struct Instance {
    name: &'static str,
    settings: &'static [&'static str],
    nodes: usize,
    cluster: Cluster,
}

impl Instance {
    /// Starts it, unless this machine has no broker at all.
    fn up(name: &'static str, nodes: usize, settings: &'static [&'static str]) -> Option<Self> {
        Cluster::up()?;
        let mut instance = Self { name, settings, nodes, cluster: Cluster { brokers: String::new() } };
        instance.cluster.brokers = instance.start();
        Some(instance)
    }

    /// Starts what of it does not run, and gives its address.
    fn start(&self) -> String {
        let nodes = self.nodes.to_string();
        let settings = self.settings.iter().flat_map(|setting| ["--set", *setting]);
        xtask(["services", "up", "kafka", "--instance", self.name, "--nodes", &nodes].into_iter().chain(settings))
    }

    /// Sends a broker a signal.
    fn signal(&self, broker: usize, signal: &str) {
        let folder: PathBuf = millstream_testkit::service_folder(&format!("kafka-{}", self.name)).unwrap();
        let pid = std::fs::read_to_string(folder.join(format!("broker-{broker}/pid"))).unwrap();
        assert!(Command::new("kill").args([&format!("-{signal}"), pid.trim()]).status().unwrap().success());
    }

    /// A topic with input, one without, and a job between them that goes on until it is killed.
    fn job(&self, state: &std::path::Path, sent: &[Seen]) -> Bridge {
        let (from, to) = (self.cluster.topic("broken-in", 3), self.cluster.topic("broken-out", 4));
        self.cluster.fill(&from, sent);
        Bridge { is_endless: true, ..Bridge::new(&self.cluster, &from, &to, state) }
    }

    /// Everything came out once, and nothing is left open.
    fn check(&self, job: &Bridge, sent: &[Seen], what: &str) {
        job.finish(5);
        same(sent, &self.cluster.read(&job.output), what);
        let (stable, high) = self.cluster.ends(&job.output);
        assert_eq!(stable, high, "{what}: a transaction was left open");
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        xtask(["services", "wipe", "kafka", "--instance", self.name]);
    }
}

fn xtask<'a>(arguments: impl IntoIterator<Item = &'a str>) -> String {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    let done = cargo.arg("xtask").args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().into()
}

/// A process that a supervisor starts again whenever it ends.
struct Supervised<'a> {
    job: &'a Bridge,
    child: Child,
    /// The file of a failpoint at which it waits.
    paused: PathBuf,
}

impl<'a> Supervised<'a> {
    fn start(job: &'a Bridge, failpoint: Option<&str>) -> Self {
        let paused = PathBuf::from(format!("{}.paused", job.state));
        let child = job.start(failpoint.map(|place| format!("{place}:{}", paused.display())));
        Self { job, child, paused }
    }

    /// Waits until everything is out that is in: in offsets, as readers of committed records see them.
    fn until_it_copied(&mut self, cluster: &Cluster, records: usize) {
        until("everything is copied", PATIENCE, || {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(!status.success(), "it has no end, and ended well");
                self.child = self.job.start(None);
            }
            let _ = std::fs::remove_file(&self.paused); // each try passes the failpoint again
            cluster.ends(&self.job.output).0 >= records as i64
        });
    }
}

impl Drop for Supervised<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_broker_that_dies_and_comes_back_loses_and_doubles_nothing() {
    // It waits for its own old registration before it comes back.
    let Some(broker) = Instance::up("dies", 1, &["broker.session.timeout.ms=3000"]) else { return };
    let (state, mut sent) = (tempfile::tempdir().unwrap(), input(3000, 3));
    let job = broker.job(state.path(), &sent);
    {
        let mut running = Supervised::start(&job, None);
        for turn in 0..2 {
            until("it writes", PATIENCE, || broker.cluster.ends(&job.output).1 > 0);
            broker.signal(1, "KILL");
            broker.start();
            let more = input(500 + turn, 3);
            broker.cluster.fill(&job.input, &more);
            sent.extend(more);
        }
        running.until_it_copied(&broker.cluster, sent.len());
    }
    broker.check(&job, &sent, "a broker killed twice");
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
