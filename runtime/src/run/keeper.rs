//! Makes this process's part of each checkpoint durable, and passes on what process 0 says of it. A thread of its own, so
//! that no worker ever waits for a disk. In process 0 the leader works here, too.
use super::control::{Commit, Control, Event, FailureKind};
use super::coordinator;
use super::failpoint;
use super::gatherer::{Action, Gatherer, Input};
use super::leader::Leader;
use super::status::Status;
use crate::Result;
use crate::checkpoint::{CheckpointError, DataName, FileRef, Section, StateStore, write_file};
use crate::mesh::Outbox;
use crate::mesh::wire::{Message, Order, Report};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::Sender;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

/// What does not change during an attempt.
pub(crate) struct Attempt {
    /// How often the store is asked for requests of users, and garbage is collected.
    pub chores: Duration,
    pub store: StateStore,
    pub generation: u64,
    /// Which process this is.
    pub process: usize,
    pub control: Arc<Control>,
    pub status: Arc<Status>,
    /// To each worker of this process.
    pub commits: Vec<Sender<Commit>>,
    pub outbox: Outbox,
}

impl Attempt {
    /// The numbers of this process's workers.
    pub fn workers(&self) -> Range<usize> {
        let here = self.commits.len();
        self.process * here..(self.process + 1) * here
    }
}

/// What the keeper hears from other processes.
#[derive(Debug)]
pub(crate) enum Heard {
    /// In process 0.
    Report { process: usize, report: Report },
    /// From process 0.
    Order(Order),
}

/// See the module.
pub(crate) struct Keeper {
    attempt: Attempt,
    gatherer: Gatherer,
    /// In process 0.
    leader: Option<Leader>,
    tasks: JoinSet<(u64, Result<FileRef, CheckpointError>)>,
    /// Whether the last interval has been committed, and whether that was the job's end.
    finished: Option<bool>,
}

/// What is to be taken in next.
enum Next {
    Here(Input),
    Lead(coordinator::Input),
    Order(Order),
}

impl Keeper {
    /// `restored`: the workers first commit what a checkpoint promised.
    pub fn new(attempt: Attempt, leader: Option<Leader>, restored: bool) -> Self {
        let gatherer = Gatherer::new(attempt.commits.len());
        if restored {
            attempt.control.board.note_commit(0, attempt.workers());
        }
        Self { attempt, gatherer, leader, tasks: JoinSet::new(), finished: None }
    }

    /// Until the workers are gone. Says whether the run is over, and whether that was the job's end.
    pub async fn run(
        mut self,
        mut events: UnboundedReceiver<Event>,
        mut heard: UnboundedReceiver<Heard>,
    ) -> Option<bool> {
        let mut chores = tokio::time::interval(self.attempt.chores);
        chores.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let result = tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.event(event).await,
                    None => break,
                },
                Some(heard) = heard.recv() => self.take(Next::from(heard)).await,
                Some(done) = self.tasks.join_next() => match done {
                    Ok((n, result)) => self.written(n, result).await,
                    Err(e) => Err(died(e)),
                },
                Some(done) = next_task(&mut self.leader) => done.map_err(died).map(|done| {
                    if let Some(leader) = &mut self.leader {
                        leader.task_done(done);
                    }
                }),
                _ = chores.tick() => self.leader.as_mut().map_or(Ok(()), Leader::chores),
            };
            if let Err(e) = result {
                self.fail(e);
                events.close();
            }
        }
        if self.finished.is_some() {
            while self.tasks.join_next().await.is_some() {}
            while next_task(&mut self.leader).await.is_some() {}
        }
        self.finished
    }

    fn fail(&self, e: crate::BoxError) {
        let fenced = e.downcast_ref::<CheckpointError>().is_some_and(|e| matches!(e, CheckpointError::Fenced { .. }));
        match fenced {
            true => self.attempt.control.fail_as(e.to_string(), FailureKind::Refused),
            false => self.attempt.control.fail("checkpoints", e),
        }
    }

    /// What a worker of this process says. Only worker 0 tells of cuts.
    async fn event(&mut self, event: Event) -> Result<()> {
        self.note(&event);
        let to_lead = match &event {
            Event::Graph(graph) => Some(coordinator::Input::Graph(graph.clone())),
            Event::Cut { n, why, now } => Some(coordinator::Input::Cut { n: *n, why: *why, now: *now }),
            Event::Part { .. } | Event::Committed { .. } => None,
        };
        if let Some(input) = to_lead {
            self.take(Next::Lead(input)).await?;
        }
        self.take(Next::Here(Input::Event(event))).await
    }

    /// For the lookout.
    fn note(&self, event: &Event) {
        let board = &self.attempt.control.board;
        match event {
            Event::Graph(graph) => board.note_uids(graph.operators.iter().map(|info| info.uid.clone()).collect()),
            Event::Part { n, operator, worker, .. } => board.note_part(*n, *operator, *worker),
            Event::Committed { worker, .. } => board.note_committed(*worker),
            Event::Cut { .. } => {}
        }
    }

    async fn written(&mut self, n: u64, result: Result<FileRef, CheckpointError>) -> Result<()> {
        match result {
            Ok(file) => {
                failpoint::hit("write.after")?;
                self.attempt.control.board.note_written(n);
                self.take(Next::Here(Input::Written { n, file })).await
            }
            Err(e) if e.stops_the_attempt() => Err(e.into()),
            Err(e) => {
                tracing::error!("checkpoint {n} is given up, its changes go into the next: {e}");
                self.take(Next::Here(Input::NotWritten { n, why: e.to_string() })).await
            }
        }
    }

    /// Takes something in, with all that follows from it in this process.
    async fn take(&mut self, next: Next) -> Result<()> {
        if self.attempt.control.is_aborted() {
            return Ok(());
        }
        let mut queue = VecDeque::from([next]);
        while let Some(next) = queue.pop_front() {
            match next {
                Next::Here(input) => {
                    for action in self.gatherer.step(input) {
                        queue.extend(self.act(action)?);
                    }
                }
                Next::Lead(input) => {
                    let Some(leader) = &mut self.leader else { continue };
                    for order in leader.step(input).await? {
                        self.attempt.outbox.to_all(&Message::Order(order.clone()));
                        queue.push_back(Next::Order(order));
                    }
                }
                Next::Order(order) => queue.extend(self.obey(order)),
            }
        }
        Ok(())
    }

    fn act(&mut self, action: Action) -> Result<Option<Next>> {
        match action {
            Action::Write { n, sections } => self.write(n, sections).map(|()| None),
            Action::Tell(report) if self.leader.is_some() => {
                Ok(Some(Next::Lead(coordinator::Input::Report { process: self.attempt.process, report })))
            }
            Action::Tell(report) => {
                self.attempt.outbox.to_leader(&Message::Report(report));
                Ok(None)
            }
        }
    }

    fn obey(&mut self, order: Order) -> Option<Next> {
        match order {
            Order::Settled { n, durable } => {
                if durable {
                    self.attempt.status.numbers.checkpoint.store(n, Relaxed);
                }
                Some(Next::Here(Input::Settled { n, durable }))
            }
            Order::Commit { n } => {
                self.attempt.control.board.note_commit(n, self.attempt.workers());
                self.attempt.commits.iter().for_each(|to| {
                    let _ = to.send(n); // its worker is gone only when the attempt is over
                });
                self.attempt.control.wake_all();
                None
            }
            Order::Finish { finished } => {
                self.finished = Some(finished);
                self.attempt.control.finish();
                None
            }
        }
    }

    fn write(&mut self, n: u64, sections: Arc<Vec<Section>>) -> Result<()> {
        failpoint::hit("write.before")?;
        if let Some(leader) = &mut self.leader {
            leader.begins();
        }
        let (store, generation) = (self.attempt.store.clone(), self.attempt.generation);
        let process = u32::try_from(self.attempt.process)?;
        self.tasks
            .spawn(async move { (n, write_file(&store, &DataName::new(n, generation, process), &sections).await) });
        Ok(())
    }
}

impl From<Heard> for Next {
    fn from(heard: Heard) -> Self {
        match heard {
            Heard::Report { process, report } => Next::Lead(coordinator::Input::Report { process, report }),
            Heard::Order(order) => Next::Order(order),
        }
    }
}

async fn next_task(leader: &mut Option<Leader>) -> Option<Result<super::leader::Done, tokio::task::JoinError>> {
    leader.as_mut()?.next_task().await
}

fn died(e: tokio::task::JoinError) -> crate::BoxError {
    format!("a task of the checkpoint keeper died: {e}").into()
}
