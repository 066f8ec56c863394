//! What process 0 does besides its own part of each checkpoint: manifests, merges, garbage, requests of users. Does what
//! the coordinator decides, on the keeper's thread.
use super::control::{Control, Why};
use super::coordinator::{Action, Coordinator, Input, Summary};
use super::failpoint;
use super::status::Status;
use crate::Result;
use crate::checkpoint::{
    CheckpointError, Claim, DataName, FileRef, Manifest, OperatorInfo, Request, StateStore, merge, plan,
};
use crate::mesh::wire::Order;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;
use tokio::task::{JoinError, JoinSet};

/// What does not change during an attempt.
pub(crate) struct Leading {
    pub store: StateStore,
    pub claim: Claim,
    pub control: Arc<Control>,
    pub status: Arc<Status>,
    pub keep: usize,
    pub graph_hash: u64,
    pub args: serde_json::Value,
    /// Of all processes together.
    pub workers: usize,
}

/// See the module.
pub(crate) struct Leader {
    leading: Leading,
    coordinator: Coordinator,
    /// The files of the newest checkpoint, oldest first.
    files: Vec<FileRef>,
    parent: Option<u64>,
    tasks: JoinSet<Done>,
    /// The name of the file that a merge is writing.
    merging: Option<String>,
    collecting: bool,
    /// Whether the store is being asked for requests. One that does not answer is not asked again meanwhile.
    asking: bool,
    asked: BTreeMap<String, Request>,
    /// When this process began to write its file of the newest checkpoint.
    began: Instant,
    is_over: bool,
}

/// A task that has ended.
pub(crate) enum Done {
    Merged { replaced: Vec<String>, result: Result<FileRef, CheckpointError> },
    Collected,
    Asked(Vec<Request>),
    Answered,
}

impl Leader {
    pub fn new(leading: Leading, coordinator: Coordinator, parent: Option<&Manifest>) -> Self {
        Self {
            leading,
            coordinator,
            files: parent.map_or(vec![], |m| m.files.clone()),
            parent: parent.map(|m| m.number),
            tasks: JoinSet::new(),
            merging: None,
            collecting: false,
            asking: false,
            asked: BTreeMap::new(),
            began: Instant::now(),
            is_over: false,
        }
    }

    /// A checkpoint's file is being written from now on.
    pub fn begins(&mut self) {
        self.began = Instant::now();
    }

    /// Takes in what happened; gives what every process is to be told.
    pub async fn step(&mut self, input: Input) -> Result<Vec<Order>> {
        let mut orders = vec![];
        let mut actions = VecDeque::from(self.coordinator.step(input));
        while let Some(action) = actions.pop_front() {
            match action {
                Action::Tell(order) => {
                    self.before(&order).await?;
                    orders.push(order);
                }
                Action::Manifest(summary) => actions.extend(self.manifest(summary).await?),
                Action::AskAgain => self.leading.status.requests.savepoint(),
                Action::Committed { n, why } => self.committed(n, why).await?,
                Action::Fail { why } => return Err(why.into()),
            }
        }
        Ok(orders)
    }

    async fn before(&mut self, order: &Order) -> Result<()> {
        match order {
            Order::Settled { n, .. } => self.leading.control.settle(*n),
            Order::Commit { .. } => failpoint::hit("manifest.after")?,
            Order::Finish { .. } => {
                if let Some(n) = self.parent {
                    self.answer(n).await?; // the last checkpoint serves who asked while it was under way
                }
                self.is_over = true;
            }
        }
        Ok(())
    }

    async fn manifest(&mut self, summary: Summary) -> Result<Vec<Action>> {
        failpoint::hit("manifest.before")?;
        let n = summary.n;
        let bytes = summary.files.iter().map(|file| file.len).sum();
        let files = self.files.iter().chain(&summary.files).cloned().collect();
        let manifest = self.fill(&summary, files);
        match self.leading.store.commit_manifest(&self.leading.claim, &manifest).await {
            Ok(_) => {
                self.files = manifest.files;
                self.parent = Some(n);
                self.note(n, bytes);
                self.merge_if_due(n);
                Ok(self.coordinator.step(Input::Durable { n }))
            }
            Err(e) if e.stops_the_attempt() => Err(e.into()),
            Err(e) => Ok(self.coordinator.step(Input::NotDurable { n, why: e.to_string() })),
        }
    }

    fn fill(&self, summary: &Summary, files: Vec<FileRef>) -> Manifest {
        let graph = self.coordinator.graph().cloned().unwrap_or_default();
        let name = |origin: &u32| graph.origins.get(*origin as usize).cloned();
        let origins = summary.origins.iter().filter_map(|(origin, mark)| Some((name(origin)?, *mark)));
        Manifest {
            parent: self.parent,
            finished: summary.finished,
            closed: summary.finished || summary.why == Why::Stop,
            processing_time_ms: summary.processing_time,
            workers: u32::try_from(self.leading.workers).unwrap_or(u32::MAX),
            graph_hash: self.leading.graph_hash,
            build: format!("millstream {}", env!("CARGO_PKG_VERSION")),
            args: self.leading.args.clone(),
            origins: origins.collect(),
            operators: graph.operators.into_iter().filter(OperatorInfo::has_anything).collect(),
            files,
            ..self.leading.claim.manifest(summary.n)
        }
    }

    fn note(&self, n: u64, bytes: u64) {
        let (took, numbers) = (self.began.elapsed(), &self.leading.status.numbers);
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
            self.leading.store.keep(n, &request.kind).await?;
            self.leading.store.answer(&id, &n.to_string()).await?;
        }
        Ok(())
    }

    /// Merges files of older checkpoints in the background, so that a restore reads a bounded number of them.
    fn merge_if_due(&mut self, n: u64) {
        if self.merging.is_some() {
            return;
        }
        let Some(range) = plan_files(&self.files) else { return };
        let Some(inputs) = self.files.get(range.clone()).map(<[FileRef]>::to_vec) else { return };
        let (store, oldest) = (self.leading.store.clone(), range.start == 0);
        let name = DataName::new(n + 1, self.leading.claim.generation, 0);
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

    /// The next task that has ended; at once none where none runs.
    pub async fn next_task(&mut self) -> Option<Result<Done, JoinError>> {
        self.tasks.join_next().await
    }

    pub fn task_done(&mut self, done: Done) {
        match done {
            Done::Merged { replaced, result } => {
                self.merging = None;
                match result {
                    Ok(merged) => self.replace(&replaced, merged),
                    Err(e) => {
                        tracing::warn!("files of older checkpoints could not be merged, which is tried again: {e}")
                    }
                }
            }
            Done::Collected => self.collecting = false,
            Done::Answered => {}
            Done::Asked(requests) => {
                self.asking = false;
                self.take_requests(requests);
            }
        }
    }

    /// Now and then: garbage, and what users ask for.
    pub fn chores(&mut self) -> Result<()> {
        if !self.collecting && self.parent.is_some() {
            failpoint::hit("collect.before")?;
            self.collecting = true;
            let (store, claim, keep) = (self.leading.store.clone(), self.leading.claim.clone(), self.leading.keep);
            let named = self.files.iter().map(|f| f.name.clone());
            let in_use: BTreeSet<String> = named.chain(self.merging.clone()).collect();
            self.tasks.spawn(async move {
                match store.collect(&claim, keep, &in_use).await {
                    Ok(_) | Err(CheckpointError::Fenced { .. }) => {} // the next manifest says it
                    Err(e) => tracing::warn!("old checkpoints could not be removed, which is tried again: {e}"),
                }
                Done::Collected
            });
        }
        if std::mem::replace(&mut self.asking, true) {
            return Ok(());
        }
        let store = self.leading.store.clone();
        self.tasks.spawn(async move {
            Done::Asked(store.pending().await.unwrap_or_else(|e| {
                tracing::warn!("requests cannot be read, which is tried again: {e}");
                vec![]
            }))
        });
        Ok(())
    }

    fn tell_status(&mut self, id: String) {
        let (store, held) = (self.leading.store.clone(), self.leading.status.held());
        self.tasks.spawn(async move {
            let text = serde_json::to_string(&held).unwrap_or_default();
            if let Err(e) = store.answer(&id, &text).await {
                tracing::warn!("a request for the status could not be answered: {e}");
            }
            Done::Answered
        });
    }

    fn take_requests(&mut self, requests: Vec<Request>) {
        for request in requests {
            if self.asked.contains_key(&request.id) || self.is_over {
                continue;
            }
            if request.kind == STATUS {
                self.tell_status(request.id);
                continue;
            }
            let asks = &self.leading.status.requests;
            if request.stop {
                asks.stop()
            } else {
                asks.savepoint()
            }
            self.leading.control.wake_ticker();
            self.asked.insert(request.id.clone(), request);
        }
    }
}

/// What `status` asks for: the answer is a list of [`Held`](crate::run::Held) as JSON.
pub const STATUS: &str = "status";

/// Which files to merge: those of one checkpoint stay together.
fn plan_files(files: &[FileRef]) -> Option<Range<usize>> {
    let mut ends: Vec<usize> = vec![0];
    let mut sizes = vec![];
    for together in files.chunk_by(|a, b| (a.first, a.last) == (b.first, b.last)) {
        ends.push(ends.last().map_or(0, |end| end + together.len()));
        sizes.push(together.iter().fold(0u64, |sum, file| sum.saturating_add(file.len)));
    }
    let range = plan(&sizes)?;
    Some(*ends.get(range.start)?..*ends.get(range.end)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(first: u64, last: u64, process: u32) -> FileRef {
        FileRef { name: DataName::new(last, 1, process).to_string(), len: 10, crc: 0, first, last }
    }

    #[test]
    fn files_of_one_checkpoint_are_merged_together() {
        let pair = |n| [file(n, n, 0), file(n, n, 1)];
        let few: Vec<FileRef> = (1..=8).flat_map(pair).collect();
        assert_eq!(plan_files(&few), None, "a checkpoint counts once");
        let many: Vec<FileRef> = std::iter::once(file(1, 9, 0)).chain((10..=18).flat_map(pair)).collect();
        let range = plan_files(&many).unwrap();
        let starts_whole = range.start == 0 || many[range.start].first != many[range.start - 1].first;
        assert!(starts_whole && range.end == many.len(), "{range:?} of {}", many.len());
    }
}
