//! A topic is deleted while a job reads or writes it: the job ends with an error that names it, and nothing is lost.
use crate::bridge::{Bridge, input, same, until};
use crate::common::Cluster;
use rdkafka::admin::{NewTopic, TopicReplication};
use std::fs::File;
use std::path::PathBuf;
use std::process::Child;
use std::time::Duration;

/// How long the job may take to notice.
const PATIENCE: Duration = Duration::from_secs(120);

/// A job whose log can be read.
struct Logged {
    child: Child,
    log: PathBuf,
}

impl Logged {
    fn start(job: &Bridge) -> Self {
        let log = PathBuf::from(format!("{}.log", job.state));
        let child = job.command().stderr(File::create(&log).unwrap()).spawn().unwrap();
        Self { child, log }
    }

    /// What it says when it ends, which must be with an error.
    fn fails(mut self) -> String {
        until("the job ends", PATIENCE, || self.child.try_wait().unwrap().is_some());
        let said = std::fs::read_to_string(&self.log).unwrap();
        assert!(!self.child.wait().unwrap().success(), "{said}");
        said
    }
}

impl Drop for Logged {
    fn drop(&mut self) {
        let _ = (self.child.kill(), self.child.wait(), std::fs::remove_file(&self.log));
    }
}

/// A job that has copied everything, and goes on.
fn copied(cluster: &Cluster, state: &std::path::Path, records: u64) -> (Bridge, Logged) {
    let (from, to) = (cluster.topic("deleted-in", 2), cluster.topic("deleted-out", 2));
    cluster.fill(&from, &input(records, 2));
    let job = Bridge { is_endless: true, ..Bridge::new(cluster, &from, &to, state) };
    let running = Logged::start(&job);
    until("everything is copied", PATIENCE, || cluster.read(&job.output).len() as u64 == records);
    (job, running)
}

fn made_anew(cluster: &Cluster, topic: &str) {
    cluster.make(NewTopic::new(topic, 2, TopicReplication::Fixed(-1)));
}

#[test]
fn a_job_whose_input_is_deleted_fails_and_does_not_take_another_one_for_it() {
    let Some(cluster) = Cluster::up() else { return };
    let state = tempfile::tempdir().unwrap();
    let (job, running) = copied(&cluster, state.path(), 300);
    cluster.delete(&job.input);
    let said = running.fails();
    assert!(said.contains(&format!("kafka topic {:?} has been deleted", job.input)), "{said}");
    let said = Logged::start(&job).fails();
    assert!(said.contains(&format!("kafka topic {:?} does not exist", job.input)), "{said}");
    made_anew(&cluster, &job.input);
    cluster.fill(&job.input, &input(10, 2));
    let said = Logged::start(&job).fails();
    assert!(said.contains(&job.input) && said.contains("it was deleted and made anew"), "{said}");
    same(&input(300, 2), &cluster.read(&job.output), "after the input was deleted");
}

#[test]
fn a_job_whose_output_is_deleted_fails_and_writes_the_rest_where_it_is_made_anew() {
    let Some(cluster) = Cluster::up() else { return };
    let state = tempfile::tempdir().unwrap();
    let (job, running) = copied(&cluster, state.path(), 300);
    cluster.delete(&job.output);
    let rest = input(200, 2);
    cluster.fill(&job.input, &rest);
    let said = running.fails();
    assert!(
        said.contains(&format!("kafka topic {:?}", job.output)) && said.contains("does not exist any more"),
        "{said}"
    );
    let said = Logged::start(&job).fails();
    assert!(said.contains(&format!("kafka topic {:?} does not exist", job.output)), "{said}");
    made_anew(&cluster, &job.output);
    job.finish(1);
    same(&rest, &cluster.read(&job.output), "after the output was made anew");
}
