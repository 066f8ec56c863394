//! Who holds up a run: the epoch, the watermark, a checkpoint or its commits; and for how long.
//!
//! Each worker writes down where its operators stand (`board`), as plain numbers beside its work. A thread that never works
//! on records reads that each second (`lookout`), so a worker that is stuck is seen as well; processes tell process 0
//! what they see (`look`), and process 0 says who is behind everybody else.

pub(crate) mod board;
mod held;
pub(crate) mod look;
pub(crate) mod lookout;
pub(crate) mod standing;

pub use held::{Held, What};
