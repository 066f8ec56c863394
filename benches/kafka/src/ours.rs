//! The same as jobs.
use millstream::job::{Job, launch};
use millstream::runtime::run::{Options, Status};
use millstream_kafka::{End, Kafka};
use std::sync::Arc;
use std::time::Duration;

pub fn at_least_once(brokers: &str, input: &str, output: &str, _records: u64) {
    bridge(brokers, input, output, End::Latest, false, Duration::from_secs(1), &Arc::default());
}

pub fn exactly_once(brokers: &str, input: &str, output: &str, _records: u64) {
    bridge(brokers, input, output, End::Latest, true, Duration::from_secs(1), &Arc::default());
}

/// Runs until the source ends, or `status` is asked to stop.
pub fn bridge(
    brokers: &str,
    input: &str,
    output: &str,
    end: End,
    exactly_once: bool,
    interval: Duration,
    status: &Arc<Status>,
) {
    let state = tempfile::tempdir().expect("there is room for a folder");
    let mut options = Options::new(output, state.path().to_string_lossy());
    options.pace.interval = Some(interval);
    options.status = Arc::clone(status);
    let (brokers, input, output) = (brokers.to_owned(), input.to_owned(), output.to_owned());
    let outcome = launch(&options, move |job: &Job| {
        let sink = Kafka::copy(&brokers, &output);
        let sink = if exactly_once { sink.exactly_once() } else { sink.at_least_once() };
        job.source("in", Kafka::read(&brokers, &input).end(end)).sink("out", sink);
        Ok(())
    });
    outcome.expect("the job ends well");
}
