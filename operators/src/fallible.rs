//! Errors in user code are values: a stream of results must say where the failed records go.
use crate::dead_letter::DeadLetter;
use crate::stream::Stream;
use millstream_runtime::Result;
use millstream_runtime::data::Data;
use millstream_runtime::sink::Sink;
use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::panic::Location;
use std::rc::Rc;

/// What happens to failed records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    Fail,
    Skip,
    Emit,
}

/// What is decided for one operator that can fail, and what its errors call it.
#[derive(Debug)]
pub(crate) struct Decision {
    policy: Cell<Policy>,
    name: RefCell<String>,
}

impl Decision {
    /// Named by its verb and where that was called.
    #[track_caller]
    pub fn new(verb: &str) -> Self {
        let name = format!("{verb} at {}", Location::caller());
        Self { policy: Cell::new(Policy::Fail), name: RefCell::new(name) }
    }

    pub fn policy(&self) -> Policy {
        self.policy.get()
    }

    pub fn name(&self) -> String {
        self.name.borrow().clone()
    }
}

/// A stream behind something that can fail. Nothing else can be done with it before it is told what to do with failures.
#[must_use = "say what happens to failed records: `.or_fail()`, `.or_skip()` or `.or_dead_letter(uid, sink)`"]
pub struct Fallible<T> {
    ok: Stream<T>,
    failed: Stream<DeadLetter>,
    decisions: Vec<Rc<Decision>>,
}

impl<T: 'static> Fallible<T> {
    pub(crate) fn new(ok: Stream<T>, failed: Stream<DeadLetter>, decision: Rc<Decision>) -> Self {
        Self { ok, failed, decisions: vec![decision] }
    }

    fn decide(&self, policy: Policy) {
        self.decisions.iter().for_each(|d| d.policy.set(policy));
    }

    /// Errors, log lines and the plan call it by this name, instead of the line of code where its verb stands.
    pub fn named(self, name: &str) -> Self {
        self.decisions.iter().for_each(|d| *d.name.borrow_mut() = name.into());
        self.ok.at.label(name);
        self
    }

    /// A failed record stops the job, which names it.
    pub fn or_fail(self) -> Stream<T> {
        self.decide(Policy::Fail);
        self.ok
    }

    /// Failed records are counted and the first of each hour is logged.
    pub fn or_skip(self) -> Stream<T> {
        self.decide(Policy::Skip);
        self.ok
    }

    /// Failed records leave through a sink, under the same contract as all output.
    #[track_caller]
    pub fn or_dead_letter<S: Sink<DeadLetter>>(self, uid: &str, sink: S) -> Stream<T> {
        let (ok, failed) = self.apart();
        failed.sink(uid, sink);
        ok
    }

    /// Both streams, to do what you like with: one sink for the failures of several operators is a `union`.
    #[track_caller]
    pub fn apart(self) -> (Stream<T>, Stream<DeadLetter>) {
        self.decide(Policy::Emit);
        (self.ok, self.failed)
    }

    /// The next thing that can fail, with one decision for both.
    #[track_caller]
    pub fn and_then<U: Data, E: Display>(self, f: impl FnMut(T) -> Result<U, E> + 'static) -> Fallible<U>
    where
        T: Data,
    {
        let mut next = self.ok.try_map(f);
        next.decisions.extend(self.decisions);
        next.failed = self.failed.union(next.failed);
        next
    }
}

/// Not there: these say what to do first.
#[doc(hidden)]
#[rustfmt::skip]
impl<T> Fallible<T> {
    pub fn map<F>(self, _f: F) -> Stream<T> where Self: Decided { self.ok }
    pub fn filter<F>(self, _f: F) -> Stream<T> where Self: Decided { self.ok }
    pub fn flat_map<F>(self, _f: F) -> Stream<T> where Self: Decided { self.ok }
    pub fn try_map<F>(self, _f: F) -> Stream<T> where Self: Decided { self.ok }
    pub fn values(self) -> Stream<T> where Self: Decided { self.ok }
    pub fn inspect<F>(self, _f: F) -> Stream<T> where Self: Decided { self.ok }
    pub fn split<F>(self, _f: F) -> (Stream<T>, Stream<T>) where Self: Decided { (self.ok.clone(), self.ok) }
    pub fn split_map<F>(self, _f: F) -> (Stream<T>, Stream<T>) where Self: Decided { (self.ok.clone(), self.ok) }
    pub fn async_map<C, F>(self, _uid: &str, _calls: C, _f: F) -> Stream<T> where Self: Decided { self.ok }
    pub fn key_by<F>(self, _f: F) -> Stream<T> where Self: Decided { self.ok }
    pub fn event_time<F, W>(self, _f: F, _w: W) -> Stream<T> where Self: Decided { self.ok }
    pub fn union<S>(self, _s: S) -> Stream<T> where Self: Decided { self.ok }
    pub fn sink<S>(self, _uid: &str, _s: S) where Self: Decided {}
}

#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "these records can have failed: say what happens to those that did",
    label = "call `.or_fail()`, `.or_skip()` or `.or_dead_letter(uid, sink)` first"
)]
pub trait Decided {}
