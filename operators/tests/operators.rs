//! Tests of jobs and operators.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests, too")]

#[path = "operators/job_calls.rs"]
mod job_calls;
#[path = "operators/job_runs.rs"]
mod job_runs;
#[path = "operators/job_world.rs"]
mod job_world;
