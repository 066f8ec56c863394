//! What a user gets wrong, and what goes wrong around a job: the built example `access_log` says what it is and what to
//! do, exits with 1 or 2, never panics, and keeps what was committed.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests, too")]

mod calls;
mod damage;
mod disk_full;
mod input;
mod world;
