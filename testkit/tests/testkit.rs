//! The testkit's own tests: it passes what is right, and finds what is wrong.
#[path = "testkit/broadcasting.rs"]
mod broadcasting;
#[path = "testkit/calling.rs"]
mod calling;
#[path = "testkit/conforming.rs"]
mod conforming;
#[path = "testkit/crashing.rs"]
mod crashing;
#[path = "testkit/detecting.rs"]
mod detecting;
#[path = "testkit/driving.rs"]
mod driving;
#[path = "testkit/jobs.rs"]
mod jobs;
#[path = "testkit/joining.rs"]
mod joining;
#[path = "testkit/looping.rs"]
mod looping;
#[path = "testkit/windowing.rs"]
mod windowing;
