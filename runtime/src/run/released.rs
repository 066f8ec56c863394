//! That something of an attempt is gone for good: its workers, or all of it.
use super::control::locked;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// See the module.
#[derive(Default)]
pub(crate) struct Released {
    is_released: Mutex<bool>,
    changed: Condvar,
}

impl Released {
    pub fn release(&self) {
        *locked(&self.is_released) = true;
        self.changed.notify_all();
    }

    /// Waits for it, as long as it takes.
    pub fn wait(&self) {
        let mut released = locked(&self.is_released);
        while !*released {
            released = self.changed.wait(released).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for it so long at most; says whether it is so.
    pub fn wait_at_most(&self, at_most: Duration) -> bool {
        let released = locked(&self.is_released);
        let waited = self.changed.wait_timeout_while(released, at_most, |released| !*released);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
