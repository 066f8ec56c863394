//! The main job loses nothing and doubles nothing, whatever happens to its processes.
//!
//! `kills`: 20 times `kill -9` of the only process, or as often as MILLSTREAM_KILLS says. `processes`: 10 runs of two
//! processes that are killed, stopped or cut off from each other, or as many as MILLSTREAM_RUNS says, and half as many
//! of a job with a loop that are killed. `outdated`: three, and a greeting of an older attempt. `supervised`: two processes
//! that nobody but `millstream supervise` starts again.
//! `secured`: two over TLS while strangers knock. The input of the first two is the real log of MILLSTREAM_DATA, many times
//! over, or what the job's own generator makes up where that is not there.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests, too")]

mod kills;
mod larger;
mod outdated;
mod pair;
mod processes;
mod proxy;
mod secured;
mod supervised;
mod world;
