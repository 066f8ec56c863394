//! Activations in the future, at most one at a time: each run of an operator that set another one would add up for ever.
use std::time::{Duration, Instant};
use timely::scheduling::Activator;

/// See the module.
pub(crate) struct Alarm {
    activator: Activator,
    set: Option<Instant>,
}

impl Alarm {
    /// Not set.
    pub fn new(activator: Activator) -> Self {
        Self { activator, set: None }
    }

    /// Runs the operator after so long, unless it runs earlier by an alarm that is set already.
    pub fn ring_in(&mut self, wait: Duration) {
        let now = Instant::now();
        let at = now + wait;
        if self.set.is_none_or(|set| set <= now || set > at) {
            self.activator.activate_after(wait);
            self.set = Some(at);
        }
    }

    /// Runs the operator in the next step.
    pub fn ring(&self) {
        self.activator.activate();
    }
}
