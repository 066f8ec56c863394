//! A job: a named build function with one command line.

mod answer;
mod args;
mod ask;
mod call;
mod config;
mod file;
mod flags;
mod launch;
pub(crate) mod log;
pub(crate) mod look;
mod metrics;
mod progress;
mod rescale;
mod run;
mod scope;
mod screen;
mod secrets;
mod serve;
mod shared;
mod signals;
mod status;
pub(crate) mod text;
mod values;

pub use answer::Answer;
pub use args::Args;
#[doc(hidden)]
pub use call::{Around, call};
pub use config::Entry;
pub use file::{Described, FileCall, call_file};
pub use launch::{launch, launch_substituted};
pub use scope::Job;
pub(crate) use scope::Scope;
pub use secrets::hide;
pub use shared::Shared;
