//! One attempt in this process: the keeper beside the workers, from a checkpoint to the end, to a stop, or to a failure.
use super::control::{Commit, Control, Event, Failure, FailureKind, locked};
use super::coordinator::Coordinator;
use super::ears::Ears;
use super::failpoint::{self, Failpoint, Killed};
use super::keeper::{self, Heard, Keeper};
use super::leader::{Leader, Leading};
use super::options::{BuildGraph, Options, RestoreFrom};
use super::process::Outcome;
use super::start::{Started, Starting, refused};
use super::workers::{Setup, panic_text, work};
use crate::checkpoint::{Manifest, Snapshot, StateStore};
use crate::graph::Graph;
use crate::mesh::{Network, Outbox, Posts};
use crate::sight::lookout::Lookout;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// How often a folder is asked for requests of users, and garbage is collected.
const CHORES: Duration = Duration::from_secs(1);
/// How often an object store is: each request costs money.
const CHORES_REMOTE: Duration = Duration::from_secs(5);
/// How often at random paces, where jobs are over within a second.
const CHORES_OF_TESTS: Duration = Duration::from_millis(1);

/// What an attempt is made with.
pub(crate) struct Attempt<'a> {
    pub options: &'a Options,
    pub build: &'a BuildGraph,
    pub handle: &'a Handle,
    pub store: &'a StateStore,
    pub graph: &'a Graph,
    pub restore: RestoreFrom,
    pub failpoint: Option<Arc<Failpoint>>,
}

/// What its threads are connected by.
struct Lines {
    control: Arc<Control>,
    outbox: Outbox,
    network: Network,
    heard: UnboundedReceiver<Heard>,
}

impl Attempt<'_> {
    /// Makes it.
    pub fn run(&self) -> Result<Outcome, Failure> {
        let (options, store, graph) = (self.options, self.store, self.graph);
        let started = Starting { options, store, graph, restore: self.restore, handle: self.handle }.start()?;
        let (outbox, posts) = Posts::new(&started.links);
        let (requests, clock) = (Arc::clone(&options.status.requests), Arc::clone(&options.clock));
        let control = Arc::new(Control::new(started.plan.first - 1, requests, clock, outbox.clone()));
        let (hear, heard) = unbounded_channel(); // bounded by one checkpoint in flight
        let ears = Arc::new(Ears { control: Arc::clone(&control), heard: hear });
        let network = Network::start(options.cluster.as_ref(), posts, &started.links, &ears);
        let network = network.map_err(|e| broken(format!("no threads for the other processes: {e}")))?;
        let ended = self.go(started, Lines { control: Arc::clone(&control), outbox, network, heard });
        if let Err(failure) = &ended {
            control.fail_as(failure.what.clone(), failure.kind); // the others hear of it
        }
        control.release();
        control.end();
        match control.take_failure() {
            Some(failure) => Err(failure),
            None => ended,
        }
    }

    fn go(&self, started: Started, lines: Lines) -> Result<Outcome, Failure> {
        failpoint::arm(self.failpoint.clone());
        failpoint::hit("claim.after").map_err(failed)?;
        let snapshot = started.manifest.clone().map(|manifest| self.snapshot(manifest)).transpose()?;
        let (commit_to, commits): (Vec<_>, Vec<_>) = (0..self.options.workers).map(|_| channel()).unzip();
        let (events, inbox) = unbounded_channel(); // bounded by one checkpoint in flight
        let setup = Setup {
            options: Options { failpoint: self.failpoint.clone(), ..self.options.clone() },
            build: Arc::clone(self.build),
            control: Arc::clone(&lines.control),
            handle: self.handle.clone(),
            snapshot: snapshot.map(Arc::new),
            incarnation: started.plan.incarnation.clone(),
            first: started.plan.first,
            start_now: started.plan.start_now,
            events: Mutex::new(Some(events)),
            commits: Mutex::new(commits.into_iter().map(Some).collect()),
        };
        if started.plan.over {
            return self.again(&setup);
        }
        let keeper = self.keeper(&started, &lines, commit_to);
        let finished = self.run_threads(setup, keeper, inbox, lines)?;
        match finished {
            Some(true) => Ok(Outcome::Finished),
            Some(false) => Ok(Outcome::Stopped),
            None => Err(broken("the workers ended before the job".into())),
        }
    }

    fn snapshot(&self, manifest: Manifest) -> Result<Snapshot, Failure> {
        let number = manifest.number;
        self.handle.block_on(async {
            match Snapshot::open(self.store, manifest).await {
                Ok(snapshot) => Ok(snapshot),
                Err(e) => Err(refused(self.store.unreadable(number, e).await)),
            }
        })
    }

    /// A job that has finished: process 0 commits again what the last checkpoint promised.
    fn again(&self, setup: &Setup) -> Result<Outcome, Failure> {
        setup.control.finish(); // who is done earlier is not lost
        if self.process() == 0 {
            super::recommit::recommit(setup, self.graph).map_err(failed)?;
        }
        Ok(Outcome::AlreadyFinished)
    }

    fn process(&self) -> usize {
        self.options.cluster.as_ref().map_or(0, |cluster| cluster.process)
    }

    fn keeper(&self, started: &Started, lines: &Lines, commits: Vec<Sender<Commit>>) -> Keeper {
        let options = self.options;
        let processes = options.cluster.as_ref().map_or(1, |cluster| cluster.hosts.len());
        let (plan, parent) = (&started.plan, started.manifest.as_ref());
        let leader = started.claim.clone().map(|claim| {
            let coordinator = Coordinator::new(processes, options.checkpoint_failures, plan.restore, plan.start_now);
            let leading = Leading {
                store: self.store.clone(),
                claim,
                control: Arc::clone(&lines.control),
                status: Arc::clone(&options.status),
                keep: options.keep,
                graph_hash: self.graph.hash(),
                args: options.args.clone(),
                workers: processes * options.workers,
            };
            Leader::new(leading, coordinator, parent)
        });
        let attempt = keeper::Attempt {
            store: self.store.clone(),
            generation: plan.session.generation,
            chores: match (options.pace.jitter, self.store.is_remote()) {
                (Some(_), _) => CHORES_OF_TESTS,
                (None, true) => CHORES_REMOTE,
                (None, false) => CHORES,
            },
            process: self.process(),
            control: Arc::clone(&lines.control),
            status: Arc::clone(&options.status),
            commits,
            outbox: lines.outbox.clone(),
        };
        Keeper::new(attempt, leader, parent.is_some())
    }

    /// The keeper on a thread of its own beside the workers; says how it ended.
    fn run_threads(
        &self,
        setup: Setup,
        keeper: Keeper,
        inbox: UnboundedReceiver<Event>,
        lines: Lines,
    ) -> Result<Option<bool>, Failure> {
        let Lines { control, outbox, network, heard } = lines;
        let (handle, failpoint) = (self.handle, self.failpoint.clone());
        let ended = Mutex::new(None);
        let (over, is_over) = channel();
        let lookout = Lookout::new(Arc::clone(&control), Arc::clone(&self.options.status), outbox, self.process());
        std::thread::scope(|scope| {
            scope.spawn(move || lookout.run(&is_over));
            scope.spawn(|| {
                failpoint::arm(failpoint);
                let run = std::panic::AssertUnwindSafe(|| handle.block_on(keeper.run(inbox, heard)));
                match std::panic::catch_unwind(run) {
                    Ok(finished) => *locked(&ended) = finished,
                    Err(panic) => control.fail_as(panic_text(&*panic), FailureKind::Broken),
                }
            });
            let worked = work(setup, network).map_err(|e| broken(e.to_string()));
            drop(over);
            worked
        })?;
        Ok(ended.into_inner().unwrap_or(None))
    }
}

fn failed(e: crate::BoxError) -> Failure {
    match e.is::<Killed>() {
        true => Failure { what: e.to_string(), kind: FailureKind::Killed },
        false => broken(e.to_string()),
    }
}

fn broken(what: String) -> Failure {
    Failure { what, kind: FailureKind::Broken }
}
