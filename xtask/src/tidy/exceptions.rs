//! The exceptions that tidy allows, each with its reason: one list, so that a reader sees them all.

use super::{Finding, Rule};

/// Where this list lives.
pub(super) const PATH: &str = "xtask/src/tidy/exceptions.rs";

/// One file that may break one rule.
pub(super) struct Exception {
    pub(super) path: &'static str,
    pub(super) rule: Rule,
    /// Why this file is better long or large than split; printed at each run.
    pub(super) reason: &'static str,
}

impl Exception {
    pub(super) fn excuses(&self, finding: &Finding) -> bool {
        self.rule == finding.rule && self.path == finding.path
    }
}

/// Add a line only with a reason that a reviewer would accept; tidy asks for its removal when it is no longer needed.
pub(super) const ALLOWED: &[Exception] = &[];
