//! When a checkpoint is whole, durable, committed: a pure state machine of process 0. `leader` does what it decides.
use super::control::Why;
use super::copies::Copies;
use crate::checkpoint::FileRef;
use crate::graph::assemble::Assembled;
use crate::mesh::wire::{Order, Report};
use std::collections::{BTreeMap, BTreeSet};

/// What the machine is told.
#[derive(Debug)]
pub(crate) enum Input {
    /// What the graph has come to; before all else.
    Graph(Assembled),
    /// Interval `n` ends at the processing time `now`.
    Cut { n: u64, why: Why, now: i64 },
    /// A process said this.
    Report { process: usize, report: Report },
    /// The manifest of `n` is durable, and no newer attempt is there.
    Durable { n: u64 },
    /// It could not be made.
    NotDurable { n: u64, why: String },
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(crate) enum Action {
    /// Make the manifest of `n`.
    Manifest(Summary),
    /// The savepoint was given up: the ticker is to cut another one.
    AskAgain,
    /// Tell every process.
    Tell(Order),
    /// Everything of `n` is visible: tell who asked, collect garbage.
    Committed { n: u64, why: Why },
    /// The attempt cannot go on.
    Fail { why: String },
}

/// What a manifest says that the machine knows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Summary {
    pub n: u64,
    pub why: Why,
    /// Every source has ended and all is done.
    pub finished: bool,
    pub processing_time: i64,
    /// The watermark of each origin, by number.
    pub origins: BTreeMap<u32, i64>,
    /// One of each process, in their order.
    pub files: Vec<FileRef>,
}

/// See the module.
pub(crate) struct Coordinator {
    processes: usize,
    graph: Option<Assembled>,
    /// How many checkpoints in a row may be given up.
    failures_allowed: u32,
    failures: u32,
    cuts: BTreeMap<u64, (Why, i64)>,
    gathering: BTreeMap<u64, Gathering>,
    /// What waits for its manifest.
    written: Option<Summary>,
    /// Processes that still commit what an earlier checkpoint promised; the next manifest waits for them.
    committing: Option<Committing>,
    now: i64,
}

#[derive(Default)]
struct Gathering {
    /// By process; none for one that could not write its file.
    files: BTreeMap<usize, Option<FileRef>>,
    marks: BTreeMap<u32, i64>,
    copies: Copies,
    last: usize,
    /// Why the first file could not be written.
    failed: Option<String>,
}

struct Committing {
    n: u64,
    why: Why,
    left: BTreeSet<usize>,
    finished: bool,
}

impl Coordinator {
    /// `restored`: the checkpoint whose promises the workers commit first, if any.
    pub fn new(processes: usize, failures_allowed: u32, restored: Option<u64>, now: i64) -> Self {
        let left = (0..processes).collect();
        Self {
            processes,
            graph: None,
            failures_allowed,
            failures: 0,
            cuts: BTreeMap::new(),
            gathering: BTreeMap::new(),
            written: None,
            committing: restored.map(|n| Committing { n, why: Why::Interval, left, finished: false }),
            now,
        }
    }

    /// What the graph has come to.
    pub fn graph(&self) -> Option<&Assembled> {
        self.graph.as_ref()
    }

    /// Takes in what happened, and says what to do, in order.
    pub fn step(&mut self, input: Input) -> Vec<Action> {
        match input {
            Input::Graph(graph) => {
                self.graph = Some(graph);
                vec![]
            }
            Input::Cut { n, why, now } => {
                self.now = now;
                self.cuts.insert(n, (why, now));
                vec![]
            }
            Input::Report { process, report: Report::Gathered { n, file, marks, copies, last } } => {
                let gathering = self.gathering.entry(n).or_default();
                gathering.files.insert(process, Some(file));
                for (origin, mark) in marks {
                    let known = gathering.marks.entry(origin).or_insert(mark);
                    *known = (*known).max(mark);
                }
                gathering.copies.merge(copies);
                gathering.last += usize::from(last);
                self.when_gathered(n)
            }
            Input::Report { process, report: Report::NotWritten { n, why, last } } => {
                let gathering = self.gathering.entry(n).or_default();
                gathering.files.insert(process, None);
                gathering.last += usize::from(last);
                gathering.failed.get_or_insert(why);
                self.when_gathered(n)
            }
            Input::Report { process, report: Report::Committed { n } } => self.committed(n, process),
            Input::Durable { n } => self.durable(n),
            Input::NotDurable { n, why } => match self.written.take_if(|w| w.n == n) {
                Some(summary) => self.give_up(&summary, &why),
                None => vec![],
            },
        }
    }

    /// A manifest is made when every process has written its file.
    fn when_gathered(&mut self, n: u64) -> Vec<Action> {
        if self.gathering.get(&n).is_none_or(|g| g.files.len() < self.processes) {
            return vec![];
        }
        let Some(gathered) = self.gathering.remove(&n) else { return vec![] };
        let (why, processing_time) = self.cuts.remove(&n).unwrap_or((Why::Interval, self.now));
        let finished = gathered.last == self.processes;
        let files = gathered.files.into_values().flatten().collect();
        let summary = Summary { n, why, finished, processing_time, origins: gathered.marks, files };
        if let Some(why) = gathered.failed {
            return self.give_up(&summary, &why);
        }
        if let Some(why) = gathered.copies.difference() {
            return vec![Action::Fail { why: format!("checkpoint {n} is refused: {why}") }];
        }
        self.written = Some(summary);
        self.when_written()
    }

    /// The manifest of n + 1 waits until everything of n is committed: what n promised is in no later manifest.
    fn when_written(&mut self) -> Vec<Action> {
        match &self.written {
            Some(summary) if self.committing.is_none() => vec![Action::Manifest(summary.clone())],
            _ => vec![],
        }
    }

    fn durable(&mut self, n: u64) -> Vec<Action> {
        let Some(Summary { why, finished, .. }) = self.written.take_if(|w| w.n == n) else { return vec![] };
        self.failures = 0;
        self.committing = Some(Committing { n, why, left: (0..self.processes).collect(), finished });
        vec![Action::Tell(Order::Settled { n, durable: true }), Action::Tell(Order::Commit { n })]
    }

    fn committed(&mut self, n: u64, process: usize) -> Vec<Action> {
        let Some(committing) = &mut self.committing else { return vec![] };
        if committing.n == n || n == 0 {
            committing.left.remove(&process);
        }
        if !committing.left.is_empty() {
            return vec![];
        }
        let Some(Committing { n: at, why, finished, .. }) = self.committing.take() else { return vec![] };
        let mut actions = if n == 0 { vec![] } else { vec![Action::Committed { n: at, why }] };
        if finished || why == Why::Stop {
            actions.push(Action::Tell(Order::Finish { finished }));
            return actions;
        }
        actions.extend(self.when_written());
        actions
    }

    /// The changes go into the next checkpoint, unless there is none.
    fn give_up(&mut self, summary: &Summary, why: &str) -> Vec<Action> {
        let n = summary.n;
        self.failures += 1;
        let last = summary.finished || summary.why == Why::Stop;
        if last || self.failures > self.failures_allowed {
            let why = format!("checkpoint {n} could not be written: {why}");
            return vec![Action::Fail { why }];
        }
        let ask_again = (summary.why == Why::Savepoint).then_some(Action::AskAgain);
        ask_again.into_iter().chain([Action::Tell(Order::Settled { n, durable: false })]).collect()
    }
}

#[cfg(test)]
mod tests;
