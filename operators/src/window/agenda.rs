//! What is to be done when: derived from the state, in memory only, and made again after a restore.
use millstream_runtime::state::Slot;
use millstream_runtime::time::Timestamp;
use std::collections::BTreeSet;

/// A window to look at when the watermark has reached `at`. The looking decides what is due: an entry may be out of date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Look {
    pub at: Timestamp,
    pub slot: Slot,
    /// The start of the window.
    pub window: Timestamp,
}

/// All looks of an operator, by time.
#[derive(Default)]
pub(super) struct Agenda(BTreeSet<Look>);

impl Agenda {
    /// Adds a look; one that is there stays one.
    pub fn add(&mut self, look: Look) {
        self.0.insert(look);
    }

    pub fn has(&self, look: &Look) -> bool {
        self.0.contains(look)
    }

    /// The next look that is due.
    pub fn pop(&mut self, watermark: Timestamp) -> Option<Look> {
        if !self.is_due(watermark) {
            return None;
        }
        self.0.pop_first()
    }

    pub fn is_due(&self, watermark: Timestamp) -> bool {
        self.0.first().is_some_and(|look| look.at <= watermark)
    }
}
