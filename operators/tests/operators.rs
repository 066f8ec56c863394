//! Tests of jobs and operators.

#[path = "operators/window_jobs.rs"]
mod window_jobs;
#[path = "operators/window_late.rs"]
mod window_late;
#[path = "operators/window_world.rs"]
mod window_world;
