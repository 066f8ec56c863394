//! What holds the state may fail: object stores and folders that stop answering, fill up, or hold damaged files; jobs
//! that are killed, and those that come back after they were given up.
//!
//! The object stores are real ones: `cargo xtask services up s3`, and `minio`.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests, too")]

#[path = "state_store/command.rs"]
mod command;
#[path = "state_store/damage.rs"]
mod damage;
#[path = "state_store/full.rs"]
mod full;
#[path = "state_store/job.rs"]
mod job;
#[path = "state_store/proxy.rs"]
mod proxy;
#[path = "state_store/s3.rs"]
mod s3;
