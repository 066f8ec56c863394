//! Tests of jobs and operators.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests, too")]

#[path = "operators/aggregates.rs"]
mod aggregates;
#[path = "operators/aligned.rs"]
mod aligned;
#[path = "operators/async_map.rs"]
mod async_map;
#[path = "operators/held_back.rs"]
mod held_back;
#[path = "operators/job_calls.rs"]
mod job_calls;
#[path = "operators/job_fits.rs"]
mod job_fits;
#[path = "operators/job_runs.rs"]
mod job_runs;
#[path = "operators/job_world.rs"]
mod job_world;
#[path = "operators/larger.rs"]
mod larger;
#[path = "operators/window_jobs.rs"]
mod window_jobs;
#[path = "operators/window_late.rs"]
mod window_late;
#[path = "operators/window_world.rs"]
mod window_world;

/// That of the programs we ship: `larger` measures what such a one takes.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
