//! Tests of a user's own logic and a user's own job: no cluster, no clock, no sleeps.
//!
//! [`graph`] judges a job without running it, [`Harness`] drives a piece of one record by record, [`crash_test`] proves
//! exactly-once of a whole one. [`source_conforms`] and [`sink_conforms`] are what every connector passes.

mod clock;
mod conformance;
mod crash_test;
mod folder;
mod graph;
mod harness;
mod outside;
mod service;

pub use clock::ManualClock;
pub use conformance::sample::Sample;
pub use conformance::sink::sink_conforms;
pub use conformance::source::source_conforms;
pub use crash_test::{CrashTest, crash_test};
pub use graph::graph;
pub use harness::Harness;
pub use millstream_runtime::state::conformance::backend_conforms;
pub use outside::{Outside, outside};
pub use service::{service, service_folder};
