//! Asks the sources which splits there are, on a thread of its own: it may block.
use super::control::Control;
use super::options::BuildGraph;
use super::restored::Restored;
use crate::engine::discovery::Discovered;
use crate::graph::Enumerator;
use crate::run::control::{FailureKind, Fatal};
use crate::{BoxError, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

/// Starts it. Sources that may grow are asked `again` and again, with this wait between.
pub(crate) fn enumerate(
    control: Arc<Control>,
    build: BuildGraph,
    restored: Option<Restored>,
    again: Duration,
    found: Sender<Discovered>,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new().name("millstream-splits".into()).spawn(move || {
        control.register_thread();
        match catch_unwind(AssertUnwindSafe(|| ask(&control, &build, restored.as_ref(), again, &found))) {
            Ok(Ok(())) => {}
            Ok(Err(e)) => control.fail("sources", e),
            Err(panic) => control.fail_as(super::workers::panic_text(&*panic), FailureKind::Broken),
        }
    })
}

fn ask(
    control: &Control,
    build: &BuildGraph,
    restored: Option<&Restored>,
    again: Duration,
    found: &Sender<Discovered>,
) -> Result<()> {
    let known = |uid: &str| restored.map_or(Ok(vec![]), |restored| restored.splits(uid));
    let unreachable = || restored.is_some_and(Restored::is_unreachable);
    // Where the store does not answer, another attempt may help.
    let plain = |e: BoxError| if unreachable() { BoxError::from(e.to_string()) } else { e };
    let mut sources = Enumerator::of(&build()?, &known).map_err(plain)?;
    let first = sources.discover(&|_| true).map_err(|e| -> BoxError { Box::new(Fatal(e)) })?;
    let growing: Vec<usize> = first.iter().filter(|d| d.growing).map(|d| d.source).collect();
    hand_over(control, found, first);
    while !growing.is_empty() && !control.is_aborted() && !control.is_done() {
        std::thread::park_timeout(again);
        if !control.is_aborted() && !control.is_done() {
            let more = sources.discover(&|source| growing.contains(&source))?;
            hand_over(control, found, more);
        }
    }
    Ok(())
}

fn hand_over(control: &Control, found: &Sender<Discovered>, all: Vec<Discovered>) {
    all.into_iter().for_each(|what| drop(found.send(what))); // the worker is gone only when the attempt is over
    control.wake_ticker();
}
