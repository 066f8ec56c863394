//! What an event, or the end of a time, does to all that is under way for a key.
use super::nfa::{Advance, Coming, Nfa};
use super::run::{Path, Run};
use super::skip::Discards;
use millstream_runtime::time::Timestamp;

/// What is to be done, in this order: `dead` and `left` to the runs that were, then all whose beginning is discarded go,
/// then `born` come.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Round {
    /// Runs that are over, by their number.
    pub dead: Vec<u64>,
    /// Runs that go on with other open steps.
    pub left: Vec<(u64, u64)>,
    /// New runs.
    pub born: Vec<Run>,
    /// Matches, in order.
    pub found: Vec<Path>,
    /// What the matches discard.
    pub discards: Vec<Discards>,
}

impl Round {
    /// Whether what began with this event is discarded.
    pub fn discards(&self, start: u64) -> bool {
        self.discards.iter().any(|discards| discards.covers(start))
    }

    /// Whether nothing is discarded: then nobody need be asked.
    pub fn keeps_all(&self) -> bool {
        self.discards.iter().all(|discards| *discards == Discards::Nothing)
    }

    fn add(&mut self, Advance { born, done, .. }: Advance) {
        self.born.extend(born);
        self.found.extend(done);
    }

    /// Finds the matches one after the other, each of which may discard those behind it.
    fn settle<T: 'static>(mut self, nfa: &Nfa<T>) -> Self {
        let mut done = std::mem::take(&mut self.found);
        done.sort_unstable();
        for path in done {
            if !self.discards(path.first()) {
                self.discards.push(Discards::of(&nfa.after_match, nfa.skip_step, &path));
                self.found.push(path);
            }
        }
        let mut born = std::mem::take(&mut self.born);
        born.retain(|run| !self.discards(run.path.first()));
        Self { born, ..self }
    }
}

impl<T: 'static> Nfa<T> {
    /// An event comes. No run is too old for it.
    pub fn round<'r>(&self, runs: impl Iterator<Item = (u64, &'r Run)>, coming: &Coming<'_, T>) -> Round {
        let mut round = Round::default();
        for (number, run) in runs {
            let advance = self.advance(run, coming);
            match advance.open {
                0 => round.dead.push(number),
                open if open != run.open => round.left.push((number, open)),
                _ => {}
            }
            round.add(advance);
        }
        round.add(self.begin(coming));
        round.settle(self)
    }

    /// Event time has come to `now`: what is too old goes, and is a match where it waited only for something not to come.
    pub fn expire<'r>(&self, runs: impl Iterator<Item = (u64, &'r Run)>, now: Timestamp) -> Round {
        let mut round = Round::default();
        for (number, run) in runs {
            if self.deadline(run.start).is_some_and(|deadline| deadline <= now) {
                round.dead.push(number);
                round.found.extend(self.ends_in_time(run).then(|| run.path.clone()));
            }
        }
        round.settle(self)
    }
}
