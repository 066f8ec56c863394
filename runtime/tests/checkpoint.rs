//! Claims about the durable side of checkpoints, a module for each.
#![expect(clippy::unwrap_used, reason = "clippy knows test functions, not their helpers")]

#[path = "checkpoint/claiming.rs"]
mod claiming;
#[path = "checkpoint/collecting.rs"]
mod collecting;
#[path = "checkpoint/corruption.rs"]
mod corruption;
#[path = "checkpoint/entries.rs"]
mod entries;
#[path = "checkpoint/faulty.rs"]
#[allow(dead_code, reason = "faults at random are for the crash test of the protocol")]
mod faulty;
#[path = "checkpoint/files.rs"]
mod files;
#[path = "checkpoint/helpers.rs"]
mod helpers;
#[path = "checkpoint/locations.rs"]
mod locations;
#[path = "checkpoint/merging.rs"]
mod merging;
#[path = "checkpoint/requesting.rs"]
mod requesting;
#[path = "checkpoint/spawning.rs"]
mod spawning;
#[path = "checkpoint/versions.rs"]
mod versions;
