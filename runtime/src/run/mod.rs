//! One run of a job in this process: attempts, the coordinator of checkpoints, failures.

pub(crate) mod attempt;
pub(crate) mod control;
pub(crate) mod coordinator;
pub(crate) mod copies;
pub(crate) mod ears;
mod enumerate;
pub mod failpoint;
mod gatherer;
mod keeper;
mod leader;
mod options;
mod process;
mod recommit;
pub(crate) mod released;
pub(crate) mod restored;
mod start;
mod status;
mod workers;

pub use control::LOST_CODE;
pub use leader::STATUS;
pub use options::{BuildGraph, Options, Restarts, RestoreFrom};
pub use process::{Outcome, RunError, run};
pub use status::{Progress, Status};

pub use crate::sight::{Held, What};

pub use crate::mesh::{Cluster, Hosts, Tls};

pub use crate::engine::pace::{Clock, Jitter, Pace, Plant, SystemClock, mix};
