//! When a checkpoint is whole, durable, committed: a pure state machine. `keeper` does what it decides.
use super::control::{Event, Why};
use crate::checkpoint::Section;
use crate::graph::assemble::Assembled;
use std::collections::{BTreeMap, BTreeSet};

/// What the machine is told.
#[derive(Debug)]
pub(crate) enum Input {
    /// A worker said this.
    Event(Event),
    /// The file of checkpoint `n` is written and read back.
    Written { n: u64 },
    /// It could not be.
    NotWritten { n: u64, why: String },
    /// The manifest of `n` is durable, and no newer attempt is there.
    Durable { n: u64 },
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(crate) enum Action {
    /// Write these sections as the file of checkpoint `n`.
    Write { n: u64, sections: Vec<Section> },
    /// Make the manifest of `n`.
    Manifest(Summary),
    /// The savepoint was given up: the ticker is to cut another one.
    AskAgain,
    /// The ticker may cut again.
    Settle { n: u64 },
    /// Every worker commits what is staged up to `n`.
    Commit { n: u64 },
    /// Everything of `n` is visible: tell who asked, collect garbage.
    Committed { n: u64, why: Why },
    /// The run is over.
    Finish { finished: bool },
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
}

/// See the module.
pub(crate) struct Coordinator {
    workers: usize,
    graph: Option<Assembled>,
    /// How many checkpoints in a row may be given up.
    failures_allowed: u32,
    failures: u32,
    cuts: BTreeMap<u64, (Why, i64)>,
    gathering: BTreeMap<u64, Gathering>,
    /// The changes of checkpoints that were given up: they go into the next.
    carried: Vec<Section>,
    writing: Option<Written>,
    /// Workers that still commit what an earlier checkpoint promised; the next manifest waits for them.
    committing: Option<(u64, Why, BTreeSet<usize>, bool)>,
    now: i64,
}

#[derive(Default)]
struct Gathering {
    parts: BTreeSet<(usize, usize)>,
    sections: Vec<Section>,
    marks: BTreeMap<u32, i64>,
    last: usize,
}

struct Written {
    summary: Summary,
    sections: Vec<Section>,
    is_written: bool,
}

impl Coordinator {
    /// `restored`: the checkpoint whose promises the workers commit first, if any.
    pub fn new(workers: usize, failures_allowed: u32, restored: Option<u64>, now: i64) -> Self {
        let all: BTreeSet<usize> = (0..workers).collect();
        Self {
            workers,
            graph: None,
            failures_allowed,
            failures: 0,
            cuts: BTreeMap::new(),
            gathering: BTreeMap::new(),
            carried: vec![],
            writing: None,
            committing: restored.map(|n| (n, Why::Interval, all, false)),
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
            Input::Event(Event::Graph(graph)) => {
                self.graph = Some(graph);
                vec![]
            }
            Input::Event(Event::Cut { n, why, now }) => {
                self.now = now;
                self.cuts.insert(n, (why, now));
                vec![]
            }
            Input::Event(Event::Part { n, operator, worker, sections, marks, last }) => {
                let part = self.gathering.entry(n).or_default();
                part.parts.insert((operator, worker));
                part.sections.extend(sections);
                for (origin, mark) in marks {
                    let known = part.marks.entry(origin).or_insert(mark);
                    *known = (*known).max(mark);
                }
                part.last += usize::from(last);
                self.when_gathered(n)
            }
            Input::Event(Event::Committed { n, worker }) => self.committed(n, worker),
            Input::Written { n } => {
                if let Some(w) = self.writing.as_mut().filter(|w| w.summary.n == n) {
                    w.is_written = true;
                }
                self.when_written()
            }
            Input::NotWritten { n, why } => self.give_up(n, why),
            Input::Durable { n } => self.durable(n),
        }
    }

    /// A manifest is made when one part of each operator and worker is there.
    fn when_gathered(&mut self, n: u64) -> Vec<Action> {
        let Some(expected) = self.graph.as_ref().map(|g| g.operators.len() * self.workers) else { return vec![] };
        let whole = |g: &Gathering| g.parts.len() == expected;
        if !self.gathering.get(&n).is_some_and(whole) {
            return vec![];
        }
        let Some(gathered) = self.gathering.remove(&n) else { return vec![] };
        let (why, processing_time) = self.cuts.remove(&n).unwrap_or((Why::Interval, self.now));
        let finished = gathered.last == expected;
        let summary = Summary { n, why, finished, processing_time, origins: gathered.marks };
        let mut sections = std::mem::take(&mut self.carried);
        sections.extend(gathered.sections);
        self.writing = Some(Written { summary, sections: sections.clone(), is_written: false });
        vec![Action::Write { n, sections }]
    }

    /// The manifest of n + 1 waits until everything of n is committed: what n promised is in no later manifest.
    fn when_written(&mut self) -> Vec<Action> {
        match &self.writing {
            Some(w) if w.is_written && self.committing.is_none() => vec![Action::Manifest(w.summary.clone())],
            _ => vec![],
        }
    }

    fn durable(&mut self, n: u64) -> Vec<Action> {
        let Some(written) = self.writing.take_if(|w| w.summary.n == n) else { return vec![] };
        self.failures = 0;
        let all = (0..self.workers).collect();
        self.committing = Some((n, written.summary.why, all, written.summary.finished));
        vec![Action::Settle { n }, Action::Commit { n }]
    }

    fn committed(&mut self, n: u64, worker: usize) -> Vec<Action> {
        let Some((at, _, left, _)) = &mut self.committing else { return vec![] };
        if *at == n || n == 0 {
            left.remove(&worker);
        }
        if !left.is_empty() {
            return vec![];
        }
        let Some((at, why, _, finished)) = self.committing.take() else { return vec![] };
        let mut actions = if n == 0 { vec![] } else { vec![Action::Committed { n: at, why }] };
        if finished || why == Why::Stop {
            actions.push(Action::Finish { finished });
            return actions;
        }
        actions.extend(self.when_written());
        actions
    }

    /// The file could not be written: the changes go into the next checkpoint, unless there is none.
    fn give_up(&mut self, n: u64, why: String) -> Vec<Action> {
        let Some(written) = self.writing.take_if(|w| w.summary.n == n) else { return vec![] };
        self.failures += 1;
        let last = written.summary.finished || written.summary.why == Why::Stop;
        if last || self.failures > self.failures_allowed {
            let why = format!("checkpoint {n} could not be written: {why}");
            return vec![Action::Fail { why }];
        }
        // Where each split stands is in the next checkpoint whole; what has changed, or is staged, is not.
        let keep = |s: &Section| s.kind != crate::checkpoint::SectionKind::Splits;
        self.carried = written.sections.into_iter().filter(keep).collect();
        let ask_again = (written.summary.why == Why::Savepoint).then_some(Action::AskAgain);
        ask_again.into_iter().chain([Action::Settle { n }]).collect()
    }
}

#[cfg(test)]
mod tests;
