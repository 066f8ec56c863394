//! Keyed state from the outside: the derives, the handles, and that the conformance suite passes and can fail.
#[path = "state/conformance.rs"]
mod conformance;
#[path = "state/derives.rs"]
mod derives;
#[path = "state/faulty.rs"]
mod faulty;
#[path = "state/handles.rs"]
mod handles;
