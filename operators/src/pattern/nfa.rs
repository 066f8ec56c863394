//! A pattern as a nondeterministic automaton: from what a match has, which steps may take the next event.
//!
//! A state is a step, how many events it has taken, and which steps are still open. An event that fits an open step makes
//! a new run; the run without it goes on with the steps that the event has not closed.
use super::builder::Pattern;
use super::matched::{Events, Matched};
use super::mistakes::Mistake;
use super::run::{Path, Run, Taken};
use super::skip::AfterMatch;
use super::step::{Condition, Contiguity, Nots, Step};
use millstream_runtime::time::{Span, Timestamp};
use std::time::Duration;

/// See the module.
pub(super) struct Nfa<T> {
    steps: Vec<Step<T>>,
    trailing: Nots<T>,
    within: Option<Duration>,
    pub names: Vec<String>,
    pub after_match: AfterMatch,
    /// The number of the step that [`Nfa::after_match`] names.
    pub skip_step: u16,
    pub under_way: usize,
}

/// An event as it comes.
pub(super) struct Coming<'a, T> {
    pub event: &'a T,
    pub index: u64,
    pub at: Timestamp,
    /// The events before it, as far as a run has them.
    pub events: &'a dyn Events<T>,
}

/// What an event does to a run.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Advance {
    /// Runs that have taken it.
    pub born: Vec<Run>,
    /// Matches that are there with it.
    pub done: Vec<Path>,
    /// The steps that stay open to the run without it; without any it is over.
    pub open: u64,
}

impl<T: 'static> Nfa<T> {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// Says everything that makes no sense, and what to write instead.
    pub fn compile(pattern: Pattern<T>) -> Result<Self, Vec<Mistake>> {
        let mistakes = pattern.mistakes();
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let names: Vec<String> = pattern.steps.iter().map(|step| step.name.clone()).collect();
        let skip_step = pattern.after_match.step().and_then(|named| names.iter().position(|name| name == named));
        let Pattern { steps, trailing, within, after_match, under_way, .. } = pattern;
        Ok(Self { steps, trailing, within, names, after_match, skip_step: skip_step.unwrap_or(0) as u16, under_way })
    }

    /// What its state means: of another pattern it would mean something else. Conditions are code, which nobody can
    /// compare.
    pub fn describe(&self) -> String {
        let step = |step: &Step<T>| {
            let Step { name, contiguity, inner, least, most, optional, nots, .. } = step;
            let nots = (nots.next.len(), nots.between.len());
            let greedy = if step.greedy { " greedy" } else { "" };
            let until = if step.until.is_some() { " until" } else { "" };
            format!("{name} {contiguity:?} {least}..{most} {inner:?} optional {optional} nots {nots:?}{greedy}{until}")
        };
        let steps: Vec<String> = self.steps.iter().map(step).collect();
        let trailing = (self.trailing.next.len(), self.trailing.between.len());
        let within = self.within.map(|within| format!(" within {}", Span(within))).unwrap_or_default();
        format!("{}, then nots {trailing:?}{within}", steps.join(", "))
    }

    /// The moment from which a run that began at `start` is too old.
    pub fn deadline(&self, start: Timestamp) -> Option<Timestamp> {
        self.within.map(|within| start + within)
    }

    /// The runs that begin with an event, and the matches that it is alone.
    pub fn begin(&self, coming: &Coming<'_, T>) -> Advance {
        let mut step = Advance::default();
        let none = Run { path: Path(vec![]), count: 0, open: 0, start: coming.at };
        for (to, step_to) in self.steps.iter().enumerate() {
            let (takes, _) = self.meet(step_to, false, &none, coming);
            if takes {
                self.take(&none, to, coming, &mut step);
            }
            if !step_to.optional || takes && step_to.greedy {
                break;
            }
        }
        step
    }

    /// What an event does to a run. The run is not too old for it.
    pub fn advance(&self, run: &Run, coming: &Coming<'_, T>) -> Advance {
        let mut step = Advance { open: run.open, ..Advance::default() };
        let from = run.path.0.last().map_or(0, |taken| usize::from(taken.step));
        let is_next = coming.index == run.path.last() + 1;
        let mut is_held_back = false;
        for to in bits(run.open) {
            let nots = || (from + 1..=to).map(|n| self.nots_before(n));
            let any_holds = |all: &[Condition<T>]| all.iter().any(|condition| self.holds(condition, run, coming));
            if is_held_back || is_next && nots().any(|nots| any_holds(&nots.next)) {
                step.open &= !bit(to);
                continue;
            }
            let is_closed = match self.steps.get(to) {
                None => self.meet_end(run, nots().all(|nots| nots.between.is_empty()), &mut step),
                Some(step_to) => {
                    let (takes, closes) = self.meet(step_to, from == to, run, coming);
                    if takes {
                        self.take(run, to, coming, &mut step);
                        is_held_back = step_to.greedy;
                    }
                    closes
                }
            };
            if is_closed || nots().any(|nots| any_holds(&nots.between)) {
                step.open &= !bit(to);
            }
        }
        step
    }

    /// Whether a step may take an event, and whether it is closed to the run that goes on without that event.
    fn meet(&self, step: &Step<T>, has_begun: bool, run: &Run, coming: &Coming<'_, T>) -> (bool, bool) {
        let fits = self.holds(&step.condition, run, coming);
        let is_over = step.until.as_ref().is_some_and(|until| self.holds(until, run, coming));
        let closes = match if has_begun { step.inner } else { step.contiguity } {
            _ if has_begun && is_over => true,
            Contiguity::Strict => true,
            Contiguity::Relaxed => fits,
            Contiguity::Any => false,
        };
        (fits && !is_over, closes)
    }

    /// Whether a run whose time is over is a match: it waited for nothing but that something does not come.
    pub fn ends_in_time(&self, run: &Run) -> bool {
        run.open & bit(self.steps.len()) != 0
    }

    /// Only a `not_next` was waited for, and it has not come.
    fn meet_end(&self, run: &Run, is_over: bool, step: &mut Advance) -> bool {
        if is_over {
            step.done.push(run.path.clone());
        }
        is_over
    }

    fn take(&self, run: &Run, to: usize, coming: &Coming<'_, T>, step: &mut Advance) {
        let before = run.path.0.last().map(|taken| usize::from(taken.step));
        let count = if before == Some(to) { run.count + 1 } else { 1 };
        let mut path = Path(Vec::with_capacity(run.path.0.len() + 1));
        path.0.extend(&run.path.0);
        path.0.push(Taken { index: coming.index, step: to as u16 });
        let (open, is_done) = self.open_behind(to, count);
        if is_done {
            step.done.push(path.clone());
        }
        if open != 0 {
            step.born.push(Run { path, count, open, start: run.start });
        }
    }

    /// What may follow when a step has taken so many events, and whether that is a match.
    fn open_behind(&self, step: usize, count: u32) -> (u64, bool) {
        let Some(Step { least, most, .. }) = self.steps.get(step) else { return (0, false) };
        let mut open = if count < *most { bit(step) } else { 0 };
        if count < *least {
            return (open, false);
        }
        let mut waits = false;
        for to in step + 1..=self.steps.len() {
            let nots = self.nots_before(to);
            waits |= !nots.next.is_empty() || !nots.between.is_empty();
            let Some(next) = self.steps.get(to) else {
                open |= if waits { bit(to) } else { 0 };
                return (open, !waits);
            };
            open |= bit(to);
            if !next.optional {
                break;
            }
        }
        (open, false)
    }

    fn nots_before(&self, to: usize) -> &Nots<T> {
        self.steps.get(to).map_or(&self.trailing, |step| &step.nots)
    }

    fn holds(&self, condition: &Condition<T>, run: &Run, coming: &Coming<'_, T>) -> bool {
        condition(coming.event, &Matched { path: &run.path.0, names: &self.names, events: coming.events })
    }
}

fn bit(step: usize) -> u64 {
    1 << step
}

/// The numbers of the bits that are set.
fn bits(open: u64) -> impl Iterator<Item = usize> {
    (0..u64::BITS as usize).filter(move |step| open & bit(*step) != 0)
}
