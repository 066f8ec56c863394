//! The workers of one attempt in this process: their threads and their loop.
use super::control::{Commit, Control, Event, FailureKind, Fatal};
use super::options::{BuildGraph, Options};
use super::restored::Restored;
use super::{enumerate, failpoint};
use crate::Result;
use crate::checkpoint::Snapshot;
use crate::engine::discovery::{Discovered, Discovery};
use crate::engine::worker::WorkerCx;
use crate::graph::assemble::assemble;
use crate::mesh::{Network, wait_for};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;
use timely::WorkerConfig;
use timely::execute::execute_from;
use timely::worker::Worker;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;

/// What the workers of an attempt are given.
pub(crate) struct Setup {
    pub options: Options,
    pub build: BuildGraph,
    pub control: Arc<Control>,
    pub handle: Handle,
    pub snapshot: Option<Arc<Snapshot>>,
    pub incarnation: String,
    pub first: u64,
    pub start_now: i64,
    pub events: Mutex<Option<UnboundedSender<Event>>>,
    pub commits: Mutex<Vec<Option<Receiver<Commit>>>>,
}

/// Runs the workers until they are done, or have failed: `control` knows which.
pub(crate) fn work(setup: Setup, network: Network) -> Result<()> {
    let control = Arc::clone(&setup.control);
    let (found, discovered) = channel();
    let leads = setup.options.cluster.as_ref().is_none_or(|cluster| cluster.process == 0);
    let (build, again) = (Arc::clone(&setup.build), setup.options.pace.discovery);
    let restored = setup.snapshot.as_ref().map(|s| Restored::new(Arc::clone(s), setup.handle.clone()));
    let enumerator = leads.then(|| enumerate::enumerate(Arc::clone(&control), build, restored, again, found));
    let enumerator = enumerator.transpose()?;
    let (builders, ended) = network.connect(setup.options.workers, setup.options.binary)?;
    let (setup, discovered) = (Arc::new(setup), Mutex::new(Some(discovered)));
    let shared = Arc::clone(&setup);
    let guards = execute_from(builders, Box::new(()), WorkerConfig::default(), move |worker| {
        let first = worker.index() == 0;
        let discovered = if first { super::control::locked(&discovered).take() } else { None };
        run_guarded(worker, &shared, discovered);
    })?;
    for (i, result) in catch_unwind(AssertUnwindSafe(|| guards.join())).unwrap_or_default().into_iter().enumerate() {
        if let Err(e) = result {
            control.fail_as(format!("worker {i} died: {e}"), FailureKind::Broken);
        }
    }
    control.release();
    drop(super::control::locked(&setup.events).take());
    control.wake_all();
    wait_for(&ended);
    if enumerator.is_some_and(|enumerator| enumerator.join().is_err()) {
        control.fail_as("the thread that looks for splits died".into(), FailureKind::Broken);
    }
    Ok(())
}

/// A panic of user code ends the attempt, not the process: the other workers are told.
fn run_guarded(worker: &mut Worker, setup: &Setup, discovered: Option<Receiver<Discovered>>) {
    let _tokio = setup.handle.enter();
    let control = &setup.control;
    control.register_thread();
    failpoint::arm(setup.options.failpoint.clone());
    match catch_unwind(AssertUnwindSafe(|| run_worker(worker, setup, discovered))) {
        Ok(Ok(())) => {}
        Ok(Err(e)) => control.fail("", e), // who fails here says his name
        Err(panic) => control.fail_as(panic_text(&*panic), FailureKind::Broken),
    }
    let dropped = catch_unwind(AssertUnwindSafe(|| {
        for dataflow in worker.installed_dataflows() {
            worker.drop_dataflow(dataflow);
        }
    }));
    if let Err(panic) = dropped {
        control.fail_as(panic_text(&*panic), FailureKind::Broken);
    }
}

fn run_worker(worker: &mut Worker, setup: &Setup, discovered: Option<Receiver<Discovered>>) -> Result<()> {
    let graph = (setup.build)()?;
    let Some(cx) = context(worker, setup, discovered) else { return Ok(()) };
    let made = worker.dataflow_named(&setup.options.job, |scope| assemble(&cx, scope, &graph));
    let unreachable = cx.restored.as_ref().is_some_and(|restored| restored.is_unreachable());
    let fatal =
        |e: crate::BoxError| if unreachable { e.to_string().into() } else { Box::new(Fatal(e)) as crate::BoxError };
    let made = made.map_err(fatal)?;
    failpoint::hit("restore.after")?;
    cx.control.wait_for_state(setup.options.workers);
    let here = cx.index % setup.options.workers;
    if here == 0 {
        cx.tell(Event::Graph(made));
    }
    let commits = super::control::locked(&setup.commits).get_mut(here).and_then(Option::take);
    let Some(commits) = commits else { return Ok(()) };
    Committing { cx: &cx, commits, current: None, told: None }.run(worker, setup.snapshot.is_some())
}

fn context(worker: &Worker, setup: &Setup, discovered: Option<Receiver<Discovered>>) -> Option<WorkerCx> {
    let restored = setup.snapshot.as_ref().map(|s| Rc::new(Restored::new(Arc::clone(s), setup.handle.clone())));
    Some(WorkerCx {
        job: Rc::from(setup.options.job.as_str()),
        incarnation: Rc::from(setup.incarnation.as_str()),
        index: worker.index(),
        workers: worker.peers(),
        first: setup.first,
        start_now: setup.start_now,
        pace: setup.options.pace.clone(),
        control: Arc::clone(&setup.control),
        status: Arc::clone(&setup.options.status),
        events: super::control::locked(&setup.events).clone()?,
        restored,
        drop_state: Rc::new(setup.options.drop_state.clone()),
        state_backend: setup.options.state_backend.clone(),
        seen: Rc::new(Cell::new(0)),
        backlog: Rc::default(),
        discovery: Rc::new(RefCell::new(Discovery::default())),
        discovered: Rc::new(RefCell::new(discovered)),
        delaying: Rc::default(),
        activity: Rc::new(Cell::new(0)),
        ticker: Rc::default(),
        committers: Rc::default(),
    })
}

/// The worker's loop: steps the dataflow, and commits when told to, also after the dataflow is over.
struct Committing<'a> {
    cx: &'a WorkerCx,
    commits: Receiver<Commit>,
    current: Option<Commit>,
    /// The sink, by number, and the lane that the lookout was told of.
    told: Option<(usize, Option<u64>)>,
}

impl Committing<'_> {
    fn run(mut self, worker: &mut Worker, restored: bool) -> Result<()> {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        if restored {
            self.start(0);
        }
        while !self.cx.control.is_aborted() && !self.cx.control.is_done() {
            self.commit(&waker)?;
            if worker.has_dataflows() {
                worker.step_or_park(None);
            } else {
                std::thread::park_timeout(Duration::from_secs(1));
            }
        }
        Ok(())
    }

    fn start(&mut self, n: Commit) {
        self.cx.committers.borrow_mut().iter_mut().for_each(|c| c.commit(n));
        self.current = Some(n);
    }

    fn commit(&mut self, waker: &Waker) -> Result<()> {
        while let Ok(n) = self.commits.try_recv() {
            self.start(n);
        }
        let Some(n) = self.current else { return Ok(()) };
        let mut task = Context::from_waker(waker);
        for (at, committer) in self.cx.committers.borrow_mut().iter_mut().enumerate() {
            match committer.poll(&mut task) {
                Poll::Ready(result) => result?,
                Poll::Pending => {
                    let (uid, lane) = committer.under_way();
                    if self.told.replace((at, lane)) != Some((at, lane)) {
                        let lane = lane.map_or_else(String::new, |lane| format!(", lane {lane},"));
                        self.cx.control.board.note_committing(self.cx.index, format!("sink {uid:?}{lane}"));
                    }
                    return Ok(());
                }
            }
        }
        (self.current, self.told) = (None, None);
        self.cx.tell(Event::Committed { n, worker: self.cx.index });
        Ok(())
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    format!("user code panicked: {}", text.unwrap_or("without a text"))
}
