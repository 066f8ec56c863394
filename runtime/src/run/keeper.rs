//! Does what the coordinator decides: writes files and manifests, starts commits, merges, collects garbage, answers
//! savepoint requests. A thread of its own, so that no worker ever waits for a disk.
use super::control::{Commit, Control, Event, FailureKind, Why};
use super::coordinator::{Action, Coordinator, Input, Summary};
use super::failpoint;
use super::status::Status;
use crate::Result;
use crate::checkpoint::{
    CheckpointError, Claim, DataName, FileRef, Manifest, Request, Section, StateStore, merge, plan, write_file,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

/// How often the store is asked for requests of users, and garbage is collected.
const CHORES: Duration = Duration::from_secs(1);

/// What does not change during an attempt.
pub(crate) struct Attempt {
    pub store: StateStore,
    pub claim: Claim,
    pub control: Arc<Control>,
    pub status: Arc<Status>,
    pub commits: Vec<Sender<Commit>>,
    pub keep: usize,
    pub graph_hash: u64,
    pub args: serde_json::Value,
    pub workers: usize,
}

/// See the module.
pub(crate) struct Keeper {
    attempt: Attempt,
    coordinator: Coordinator,
    /// The files of the newest checkpoint, oldest first.
    files: Vec<FileRef>,
    parent: Option<u64>,
    /// The file of the checkpoint whose manifest is next.
    written: Option<FileRef>,
    tasks: JoinSet<Done>,
    /// The name of the file that a merge is writing.
    merging: Option<String>,
    collecting: bool,
    asked: BTreeMap<String, Request>,
    began: Instant,
    /// Whether the last interval has been committed, and whether that was the job's end.
    finished: Option<bool>,
}

/// A task that has ended.
enum Done {
    Written { n: u64, result: Result<FileRef, CheckpointError> },
    Merged { replaced: Vec<String>, result: Result<FileRef, CheckpointError> },
    Collected,
    Asked(Vec<Request>),
}

impl Keeper {
    pub fn new(attempt: Attempt, coordinator: Coordinator, parent: Option<&Manifest>) -> Self {
        let files = parent.map_or(vec![], |m| m.files.clone());
        let parent = parent.map(|m| m.number);
        Self {
            attempt,
            coordinator,
            files,
            parent,
            written: None,
            tasks: JoinSet::new(),
            merging: None,
            collecting: false,
            asked: BTreeMap::new(),
            began: Instant::now(),
            finished: None,
        }
    }

    /// Until the workers are gone. Says whether the run is over, and whether that was the job's end.
    pub async fn run(mut self, mut events: UnboundedReceiver<Event>) -> Option<bool> {
        let mut chores = tokio::time::interval(CHORES);
        chores.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let result = tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.step(Input::Event(event)).await,
                    None => break,
                },
                Some(done) = self.tasks.join_next() => match done {
                    Ok(done) => self.task_done(done).await,
                    Err(e) => Err(format!("a task of the checkpoint keeper died: {e}").into()),
                },
                _ = chores.tick() => self.chores(),
            };
            if let Err(e) = result {
                let fenced =
                    e.downcast_ref::<CheckpointError>().is_some_and(|e| matches!(e, CheckpointError::Fenced { .. }));
                match fenced {
                    true => self.attempt.control.fail_as(e.to_string(), FailureKind::Refused),
                    false => self.attempt.control.fail("checkpoints", e),
                }
                events.close();
            }
        }
        if self.finished.is_some() {
            while self.tasks.join_next().await.is_some() {}
        }
        self.finished
    }

    async fn step(&mut self, input: Input) -> Result<()> {
        if self.attempt.control.is_aborted() {
            return Ok(());
        }
        let mut actions = std::collections::VecDeque::from(self.coordinator.step(input));
        while let Some(action) = actions.pop_front() {
            if let Some(input) = self.act(action).await? {
                actions.extend(self.coordinator.step(input));
            }
        }
        Ok(())
    }

    async fn act(&mut self, action: Action) -> Result<Option<Input>> {
        match action {
            Action::Write { n, sections } => self.write(n, sections)?,
            Action::Manifest(summary) => return self.manifest(summary).await,
            Action::AskAgain => self.attempt.status.requests.savepoint(),
            Action::Settle { n } => self.attempt.control.settle(n),
            Action::Commit { n } => {
                failpoint::hit("manifest.after")?;
                self.attempt.commits.iter().for_each(|to| {
                    let _ = to.send(n); // its worker is gone only when the attempt is over
                });
                self.attempt.control.wake_all();
            }
            Action::Committed { n, why } => self.committed(n, why).await?,
            Action::Finish { finished } => {
                if let Some(n) = self.parent {
                    self.answer(n).await?; // the last checkpoint serves who asked while it was under way
                }
                self.finished = Some(finished);
                self.attempt.control.finish();
            }
            Action::Fail { why } => return Err(why.into()),
        }
        Ok(None)
    }

    fn write(&mut self, n: u64, sections: Vec<Section>) -> Result<()> {
        failpoint::hit("write.before")?;
        self.began = Instant::now();
        let (store, generation) = (self.attempt.store.clone(), self.attempt.claim.generation);
        self.tasks.spawn(async move {
            let result = write_file(&store, &DataName::new(n, generation, 0), &Arc::new(sections)).await;
            Done::Written { n, result }
        });
        Ok(())
    }

    async fn task_done(&mut self, done: Done) -> Result<()> {
        match done {
            Done::Written { n, result: Ok(file) } => {
                failpoint::hit("write.after")?;
                self.written = Some(file);
                self.step(Input::Written { n }).await
            }
            Done::Written { result: Err(e), .. } if e.stops_the_attempt() => Err(e.into()),
            Done::Written { n, result: Err(e) } => {
                tracing::error!("checkpoint {n} is given up, its changes go into the next: {e}");
                self.step(Input::NotWritten { n, why: e.to_string() }).await
            }
            Done::Merged { replaced, result } => {
                self.merging = None;
                match result {
                    Ok(merged) => self.replace(&replaced, merged),
                    Err(e) => {
                        tracing::warn!("files of older checkpoints could not be merged, which is tried again: {e}")
                    }
                }
                Ok(())
            }
            Done::Collected => {
                self.collecting = false;
                Ok(())
            }
            Done::Asked(requests) => {
                self.take_requests(requests);
                Ok(())
            }
        }
    }

    async fn manifest(&mut self, summary: Summary) -> Result<Option<Input>> {
        failpoint::hit("manifest.before")?;
        let n = summary.n;
        let Some(file) = self.written.take() else { return Err(format!("checkpoint {n} has no file").into()) };
        let bytes = file.len;
        let mut files = self.files.clone();
        files.push(file);
        let manifest = self.fill(summary, files);
        match self.attempt.store.commit_manifest(&self.attempt.claim, &manifest).await {
            Ok(_) => {
                self.files = manifest.files;
                self.parent = Some(n);
                self.note(n, bytes);
                self.merge_if_due(n);
                Ok(Some(Input::Durable { n }))
            }
            Err(e) if e.stops_the_attempt() => Err(e.into()),
            Err(e) => Ok(Some(Input::NotWritten { n, why: e.to_string() })),
        }
    }

    fn fill(&self, summary: Summary, files: Vec<FileRef>) -> Manifest {
        let graph = self.coordinator.graph().cloned().unwrap_or_default();
        let name = |origin: &u32| graph.origins.get(*origin as usize).cloned();
        let origins = summary.origins.iter().filter_map(|(origin, mark)| Some((name(origin)?, *mark)));
        Manifest {
            parent: self.parent,
            finished: summary.finished,
            closed: summary.finished || summary.why == Why::Stop,
            processing_time_ms: summary.processing_time,
            workers: u32::try_from(self.attempt.workers).unwrap_or(u32::MAX),
            graph_hash: self.attempt.graph_hash,
            build: format!("millstream {}", env!("CARGO_PKG_VERSION")),
            args: self.attempt.args.clone(),
            origins: origins.collect(),
            operators: graph.operators,
            files,
            ..self.attempt.claim.manifest(summary.n)
        }
    }

    fn note(&self, n: u64, bytes: u64) {
        let (took, numbers) = (self.began.elapsed(), &self.attempt.status.numbers);
        numbers.checkpoint.store(n, Relaxed);
        numbers.checkpoints.fetch_add(1, Relaxed);
        numbers.checkpoint_ms.store(u64::try_from(took.as_millis()).unwrap_or(u64::MAX), Relaxed);
        numbers.checkpoint_bytes.store(bytes, Relaxed);
        tracing::debug!("checkpoint {n} is durable: {bytes} bytes in {took:?}");
    }

    async fn committed(&mut self, n: u64, why: Why) -> Result<()> {
        failpoint::hit("committed.before")?;
        if why == Why::Interval { Ok(()) } else { self.answer(n).await }
    }

    /// Keeps checkpoint `n` for all who asked for one.
    async fn answer(&mut self, n: u64) -> Result<()> {
        for (id, request) in std::mem::take(&mut self.asked) {
            self.attempt.store.keep(n, &request.kind).await?;
            self.attempt.store.answer(&id, &n.to_string()).await?;
        }
        Ok(())
    }

    /// Merges files of older checkpoints in the background, so that a restore reads a bounded number of them.
    fn merge_if_due(&mut self, n: u64) {
        let sizes: Vec<u64> = self.files.iter().map(|f| f.len).collect();
        let Some(range) = plan(&sizes).filter(|_| self.merging.is_none()) else { return };
        let Some(inputs) = self.files.get(range.clone()).map(<[FileRef]>::to_vec) else { return };
        let (store, oldest) = (self.attempt.store.clone(), range.start == 0);
        let name = DataName::new(n + 1, self.attempt.claim.generation, 0);
        self.merging = Some(name.to_string());
        self.tasks.spawn(async move {
            let result = merge(&store, &name, &inputs, oldest).await;
            Done::Merged { replaced: inputs.into_iter().map(|f| f.name).collect(), result }
        });
    }

    fn replace(&mut self, replaced: &[String], merged: FileRef) {
        let Some(at) = self.files.iter().position(|f| replaced.first() == Some(&f.name)) else { return };
        self.files.retain(|f| !replaced.contains(&f.name));
        self.files.insert(at, merged);
    }

    /// Once a second: garbage, and what users ask for.
    fn chores(&mut self) -> Result<()> {
        if !self.collecting && self.parent.is_some() {
            failpoint::hit("collect.before")?;
            self.collecting = true;
            let (store, claim, keep) = (self.attempt.store.clone(), self.attempt.claim.clone(), self.attempt.keep);
            let named = self.files.iter().chain(&self.written).map(|f| f.name.clone());
            let in_use: BTreeSet<String> = named.chain(self.merging.clone()).collect();
            self.tasks.spawn(async move {
                match store.collect(&claim, keep, &in_use).await {
                    Ok(_) | Err(CheckpointError::Fenced { .. }) => {} // the next manifest says it
                    Err(e) => tracing::warn!("old checkpoints could not be removed, which is tried again: {e}"),
                }
                Done::Collected
            });
        }
        let store = self.attempt.store.clone();
        self.tasks.spawn(async move {
            Done::Asked(store.pending().await.unwrap_or_else(|e| {
                tracing::warn!("requests cannot be read, which is tried again: {e}");
                vec![]
            }))
        });
        Ok(())
    }

    fn take_requests(&mut self, requests: Vec<Request>) {
        for request in requests {
            if self.asked.contains_key(&request.id) || self.finished.is_some() {
                continue;
            }
            let asks = &self.attempt.status.requests;
            if request.stop {
                asks.stop()
            } else {
                asks.savepoint()
            }
            self.attempt.control.wake_ticker();
            self.asked.insert(request.id.clone(), request);
        }
    }
}
