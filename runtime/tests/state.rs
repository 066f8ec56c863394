//! Keyed state from the outside: the derives, and that the conformance suite passes, and can fail.
#[path = "state/conformance.rs"]
mod conformance;
