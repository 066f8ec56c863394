//! Brokers that one test has for itself, since it kills them, and a job that is started again whenever it ends.
use crate::bridge::{Bridge, same, within};
use crate::common::{Cluster, Seen};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// For what takes long: a broker that starts, a cluster that finds new leaders, on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// An instance that nobody else uses; stopped when dropped, and removed but for a test that fails.
pub struct Instance {
    name: &'static str,
    settings: &'static [&'static str],
    nodes: usize,
    pub cluster: Cluster,
}

impl Instance {
    /// Starts it, unless this machine has no broker at all.
    pub fn up(name: &'static str, nodes: usize, settings: &'static [&'static str]) -> Option<Self> {
        Cluster::up()?;
        let mut instance = Self { name, settings, nodes, cluster: Cluster { brokers: String::new() } };
        instance.cluster.brokers = instance.start();
        Some(instance)
    }

    /// Starts what of it does not run, and gives its address.
    pub fn start(&self) -> String {
        let nodes = self.nodes.to_string();
        let settings = self.settings.iter().flat_map(|setting| ["--set", *setting]);
        xtask(["services", "up", "kafka", "--instance", self.name, "--nodes", &nodes].into_iter().chain(settings))
    }

    /// Sends a broker a signal.
    pub fn signal(&self, broker: usize, signal: &str) {
        let folder: PathBuf = millstream_testkit::service_folder(&format!("kafka-{}", self.name)).unwrap();
        let pid = std::fs::read_to_string(folder.join(format!("broker-{broker}/pid"))).unwrap();
        assert!(Command::new("kill").args([&format!("-{signal}"), pid.trim()]).status().unwrap().success());
    }

    /// A topic with input, one without, and a job between them that goes on until it is killed.
    pub fn job(&self, state: &std::path::Path, sent: &[Seen]) -> Bridge {
        let (from, to) = (self.cluster.topic("broken-in", 3), self.cluster.topic("broken-out", 4));
        self.cluster.fill(&from, sent);
        Bridge { is_endless: true, ..Bridge::new(&self.cluster, &from, &to, state) }
    }

    /// Everything came out once, and nothing is left open.
    pub fn check(&self, job: &Bridge, sent: &[Seen], what: &str) {
        job.finish(5);
        same(sent, &self.cluster.read(&job.output), what);
        let (stable, high) = self.cluster.ends(&job.output);
        assert_eq!(stable, high, "{what}: a transaction was left open");
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let verb = if std::thread::panicking() { "down" } else { "wipe" };
        xtask(["services", verb, "kafka", "--instance", self.name]);
    }
}

fn xtask<'a>(arguments: impl IntoIterator<Item = &'a str>) -> String {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    let done = cargo.arg("xtask").args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().into()
}

/// A process that a supervisor starts again whenever it ends.
pub struct Supervised<'a> {
    job: &'a Bridge,
    pub child: Child,
    /// The file of a failpoint at which it waits.
    pub paused: PathBuf,
}

impl<'a> Supervised<'a> {
    pub fn start(job: &'a Bridge, failpoint: Option<&str>) -> Self {
        let paused = PathBuf::from(format!("{}.paused", job.state));
        let child = job.start(failpoint.map(|place| format!("{place}:{}", paused.display())));
        Self { job, child, paused }
    }

    /// Waits until everything is out that is in: in offsets, as readers of committed records see them.
    pub fn until_it_copied(&mut self, cluster: &Cluster, records: usize) {
        assert!(self.copies_within(PATIENCE, cluster, records), "everything is copied: not within {PATIENCE:?}");
    }

    /// Whether that comes soon enough.
    pub fn copies_within(&mut self, patience: Duration, cluster: &Cluster, records: usize) -> bool {
        within(patience, || {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(!status.success(), "it has no end, and ended well");
                self.child = self.job.start(None);
            }
            let _ = std::fs::remove_file(&self.paused); // each try passes the failpoint again
            cluster.ends(&self.job.output).0 >= records as i64
        })
    }
}

impl Supervised<'_> {
    /// Does something while the job goes on, whenever it passes the failpoint.
    pub fn released(&self, what: impl FnOnce()) {
        let (over, is_over) = channel::<()>(); // it is over when the sender is dropped, in a panic, too
        std::thread::scope(|scope| {
            scope.spawn(move || {
                while is_over.recv_timeout(Duration::from_millis(5)) == Err(RecvTimeoutError::Timeout) {
                    let _ = std::fs::remove_file(&self.paused);
                }
            });
            let _over = over;
            what();
        });
    }
}

impl Drop for Supervised<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
