//! When the part of a checkpoint that belongs to one process is whole: a pure state machine. `keeper` does what it decides.
use super::control::Event;
use super::copies::Copies;
use crate::checkpoint::{FileRef, Section, SectionKind};
use crate::mesh::wire::Report;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What the machine is told.
#[derive(Debug)]
pub(crate) enum Input {
    /// A worker of this process said this.
    Event(Event),
    /// The file of checkpoint `n` is written and read back.
    Written { n: u64, file: FileRef },
    /// It could not be.
    NotWritten { n: u64, why: String },
    /// Checkpoint `n` is durable, or given up by all.
    Settled { n: u64, durable: bool },
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(crate) enum Action {
    /// Write these sections as the file of checkpoint `n`.
    Write { n: u64, sections: Arc<Vec<Section>> },
    /// Tell process 0.
    Tell(Report),
}

/// See the module.
pub(crate) struct Gatherer {
    /// How many workers this process has.
    workers: usize,
    /// How many operators give a part, once that is known.
    operators: Option<usize>,
    gathering: BTreeMap<u64, Gathering>,
    /// The changes of checkpoints that were given up: they go into the next.
    carried: Vec<Section>,
    /// The checkpoint whose file is written, or that waits to be settled by process 0.
    in_flight: Option<InFlight>,
    /// Workers that have committed, by checkpoint.
    committed: BTreeMap<u64, BTreeSet<usize>>,
}

#[derive(Default)]
struct Gathering {
    parts: BTreeSet<(usize, usize)>,
    sections: Vec<Section>,
    marks: BTreeMap<u32, i64>,
    copies: Copies,
    last: usize,
}

struct InFlight {
    n: u64,
    /// Shared with who writes them.
    sections: Arc<Vec<Section>>,
    marks: Vec<(u32, i64)>,
    copies: Copies,
    last: bool,
}

impl Gatherer {
    pub fn new(workers: usize) -> Self {
        Self {
            workers,
            operators: None,
            gathering: BTreeMap::new(),
            carried: vec![],
            in_flight: None,
            committed: BTreeMap::new(),
        }
    }

    /// Takes in what happened, and says what to do, in order.
    pub fn step(&mut self, input: Input) -> Vec<Action> {
        match input {
            Input::Event(Event::Graph(graph)) => {
                self.operators = Some(graph.operators.len());
                self.when_gathered()
            }
            Input::Event(Event::Cut { .. }) => vec![],
            Input::Event(Event::Part { n, operator, worker, sections, marks, copy, last }) => {
                let part = self.gathering.entry(n).or_default();
                if part.parts.insert((operator, worker)) {
                    copy.into_iter().for_each(|hash| part.copies.add(hash));
                }
                part.sections.extend(sections);
                for (origin, mark) in marks {
                    let known = part.marks.entry(origin).or_insert(mark);
                    *known = (*known).max(mark);
                }
                part.last += usize::from(last);
                self.when_gathered()
            }
            Input::Event(Event::Committed { n, worker }) => self.committed(n, worker),
            Input::Written { n, file } => self.report(n, |flight| {
                let (marks, copies) = (flight.marks.clone(), flight.copies.clone());
                Report::Gathered { n, file, marks, copies, last: flight.last }
            }),
            Input::NotWritten { n, why } => self.report(n, |flight| Report::NotWritten { n, why, last: flight.last }),
            Input::Settled { n, durable } => self.settled(n, durable),
        }
    }

    /// A file is written when one part of each operator and worker is there, and the checkpoint before is settled: only
    /// then it is known whether its changes belong here, too.
    fn when_gathered(&mut self) -> Vec<Action> {
        let Some(expected) = self.operators.map(|operators| operators * self.workers) else { return vec![] };
        if self.in_flight.is_some() {
            return vec![];
        }
        let whole = self.gathering.first_entry().filter(|first| first.get().parts.len() == expected);
        let Some((n, gathered)) = whole.map(|first| first.remove_entry()) else { return vec![] };
        let mut sections = std::mem::take(&mut self.carried);
        sections.extend(gathered.sections);
        let sections = Arc::new(sections);
        self.in_flight = Some(InFlight {
            n,
            sections: Arc::clone(&sections),
            marks: gathered.marks.into_iter().collect(),
            copies: gathered.copies,
            last: gathered.last == expected,
        });
        vec![Action::Write { n, sections }]
    }

    fn report(&self, n: u64, report: impl FnOnce(&InFlight) -> Report) -> Vec<Action> {
        let flight = self.in_flight.iter().find(|flight| flight.n == n);
        flight.map(|flight| Action::Tell(report(flight))).into_iter().collect()
    }

    /// Where each split stands is in the next checkpoint whole; what has changed, or is staged, is not.
    fn settled(&mut self, n: u64, durable: bool) -> Vec<Action> {
        let Some(flight) = self.in_flight.take_if(|flight| flight.n == n) else { return vec![] };
        if !durable {
            let keep = |s: &Section| s.kind != SectionKind::Splits;
            self.carried = Arc::unwrap_or_clone(flight.sections).into_iter().filter(keep).collect();
        }
        self.when_gathered()
    }

    fn committed(&mut self, n: u64, worker: usize) -> Vec<Action> {
        let workers = self.committed.entry(n).or_default();
        workers.insert(worker);
        if workers.len() < self.workers {
            return vec![];
        }
        self.committed.remove(&n);
        vec![Action::Tell(Report::Committed { n })]
    }
}

#[cfg(test)]
mod tests;
