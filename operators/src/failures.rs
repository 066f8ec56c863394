//! What an operator does with its failed records, as it was decided.
use crate::dead_letter::DeadLetter;
use crate::fallible::{Decision, Policy};
use millstream_runtime::Result;
use millstream_runtime::time::hours;
use std::time::Instant;

/// The failures of one operator on one worker.
pub(crate) struct Failures {
    name: String,
    policy: Policy,
    skipped: u64,
    /// When the last skipped record was logged.
    said: Option<Instant>,
}

impl Failures {
    pub fn new(decision: &Decision) -> Self {
        Self { name: decision.name(), policy: decision.policy(), skipped: 0, said: None }
    }

    /// Stops the attempt, skips the record, or gives the letter back, which is then to be emitted.
    pub fn settle(&mut self, letter: DeadLetter) -> Result<Option<DeadLetter>> {
        match self.policy {
            Policy::Fail => Err(format!("{}: {}", self.name, letter.log_line()).into()),
            Policy::Skip => {
                self.skip(&letter);
                Ok(None)
            }
            Policy::Emit => Ok(Some(letter)),
        }
    }

    /// Skipped records are counted, and the first of each hour is logged.
    fn skip(&mut self, letter: &DeadLetter) {
        self.skipped += 1;
        if self.said.is_none_or(|said| said.elapsed() > hours(1)) {
            self.said = Some(Instant::now());
            tracing::warn!("{} skipped {} records; {}", self.name, self.skipped, letter.log_line());
        }
    }
}
