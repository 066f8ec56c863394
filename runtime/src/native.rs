//! Operators that are written on timely itself, for other crates of this workspace: users never see them.
//!
//! The laws: an operator keeps nothing that a checkpoint must have, passes on no record before its epoch nor after it, and
//! asks its scope for a deterministic set of operators, the same on each worker.
use crate::BoxError;
use crate::parcel::Parcel;
use crate::run::control::Control;
use std::sync::Arc;
use timely::dataflow::{Scope, StreamVec};

pub use crate::engine::epoch::Epoch;

/// An edge of the running graph, in the job's own time or in one below it.
pub type Edge<'s, T = Epoch> = StreamVec<'s, T, Parcel>;

/// Makes the operators of one node.
pub type Native = Box<dyn for<'s> FnOnce(NativeInit<'s>) -> Edge<'s>>;

/// What a node's operators are made with.
pub struct NativeInit<'s> {
    /// The job's scope.
    pub scope: Scope<'s, Epoch>,
    /// For each input what carries it.
    pub inputs: Vec<Edge<'s>>,
    /// Where failures go.
    pub faults: Faults,
}

/// Ends the attempt where an operator cannot go on.
#[derive(Clone)]
pub struct Faults {
    control: Arc<Control>,
    name: Arc<str>,
}

impl Faults {
    pub(crate) fn new(control: Arc<Control>, name: &str) -> Self {
        Self { control, name: name.into() }
    }

    /// Says what has failed. The first failure of an attempt is what its report names.
    pub fn fail(&self, error: impl Into<BoxError>) {
        self.control.fail(&self.name, error.into());
    }
}
