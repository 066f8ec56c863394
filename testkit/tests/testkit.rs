//! The testkit's own tests: it passes what is right, and finds what is wrong.
#[path = "testkit/crashing.rs"]
mod crashing;
#[path = "testkit/jobs.rs"]
mod jobs;
