//! A job: a named build function with one command line.

mod scope;

pub use scope::Job;
pub(crate) use scope::Scope;
