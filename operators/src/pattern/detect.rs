//! How `detect` runs: events wait until the watermark has passed them, so the automaton sees them in event-time order.
use super::matched::{Events, Matched};
use super::nfa::{Coming, Nfa};
use super::round::Round;
use super::run::{Path, Run};
use crate::late_log::LateLog;
use crate::process::{Ctx, Process};
use millstream_runtime::data::{Data, Key, State};
use millstream_runtime::state::{Map, Value};
use millstream_runtime::time::Timestamp;
use millstream_runtime::{KeyedState, State};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::marker::PhantomData;

/// What a key has.
#[derive(KeyedState)]
pub(super) struct UnderWay<T: State> {
    /// Events that the watermark has not passed.
    waiting: Map<Place, T>,
    /// Events that a run has taken, each once.
    taken: Map<u64, T>,
    runs: Map<u64, Run>,
    next: Value<Numbers>,
}

/// Event time, then the order of arrival.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, State)]
struct Place {
    at: Timestamp,
    nth: u64,
}

/// What is given out next. Begins anew when nothing is under way.
#[derive(Clone, Copy, Default, Serialize, Deserialize, State)]
struct Numbers {
    arrival: u64,
    event: u64,
    run: u64,
}

/// See the module.
pub(super) struct Detect<K, T, U, F> {
    pub uid: String,
    pub nfa: Nfa<T>,
    pub f: F,
    pub late: LateLog,
    pub of: PhantomData<fn(K) -> U>,
}

/// Events that were taken, and the one that comes.
struct Held<'a, T: State> {
    taken: &'a Map<u64, T>,
    coming: Option<(u64, &'a T)>,
}

impl<T: State> Events<T> for Held<'_, T> {
    fn event(&self, index: u64) -> Option<&T> {
        match self.coming {
            Some((coming, event)) if coming == index => Some(event),
            _ => self.taken.get_ref(&index),
        }
    }
}

impl<K: Key, T: State, U: Data, F: FnMut(&K, &Matched<'_, T>) -> U + 'static> Process for Detect<K, T, U, F> {
    type Key = K;
    type In = T;
    type Out = U;
    type State = UnderWay<T>;
    type Timer = ();

    fn on_record(&mut self, event: T, ctx: &mut Ctx<Self>) {
        let at = ctx.time();
        if at < ctx.watermark() {
            return self.late.note(1, at, ctx.watermark()); // its place in the order is gone
        }
        let numbers = ctx.state.next.dirty();
        let nth = numbers.arrival;
        numbers.arrival += 1;
        ctx.state.waiting.insert(Place { at, nth }, event);
        ctx.timer_at(at, ());
    }

    fn on_timer(&mut self, (): (), ctx: &mut Ctx<Self>) {
        // At the end of the input no further timer can be set: all that is left happens now.
        let now = if ctx.watermark() == Timestamp::MAX { Timestamp::MAX } else { ctx.time() };
        while let Some(place) = ctx.state.waiting.first().map(|(place, _)| *place).filter(|place| place.at <= now) {
            self.expire(place.at, ctx);
            let Some(event) = ctx.state.waiting.remove(&place) else { break };
            self.come(event, place.at, ctx);
        }
        self.expire(now, ctx);
        if ctx.state.waiting.is_empty() && ctx.state.runs.is_empty() {
            ctx.state.next.clear();
        }
    }
}

fn runs(runs: &Map<u64, Run>) -> impl Iterator<Item = (u64, &Run)> {
    runs.range_ref(..).map(|(number, run)| (*number, run))
}

impl<K: Key, T: State, U: Data, F: FnMut(&K, &Matched<'_, T>) -> U + 'static> Detect<K, T, U, F> {
    /// What is too old at `now` goes, in order.
    fn expire(&mut self, now: Timestamp, ctx: &mut Ctx<Self>) {
        let next = |nfa: &Nfa<T>, all: &Map<u64, Run>| runs(all).filter_map(|(_, run)| nfa.deadline(run.start)).min();
        while let Some(deadline) = next(&self.nfa, &ctx.state.runs).filter(|deadline| *deadline <= now) {
            ctx.time = Some(deadline);
            let round = self.nfa.expire(runs(&ctx.state.runs), deadline);
            self.apply(round, None, ctx);
        }
    }

    fn come(&mut self, event: T, at: Timestamp, ctx: &mut Ctx<Self>) {
        ctx.time = Some(at);
        let index = ctx.state.next.dirty().event;
        ctx.state.next.dirty().event += 1;
        let round = {
            let events = Held { taken: &ctx.state.taken, coming: Some((index, &event)) };
            let coming = Coming { event: &event, index, at, events: &events };
            self.nfa.round(runs(&ctx.state.runs), &coming)
        };
        self.apply(round, Some((index, event, at)), ctx);
    }

    /// Emits the matches, and brings the state up to date.
    fn apply(&mut self, round: Round, coming: Option<(u64, T, Timestamp)>, ctx: &mut Ctx<Self>) {
        let event = coming.as_ref().map(|(index, event, _)| (*index, event));
        let found: Vec<U> = round.found.iter().map(|path| self.found(path, event, ctx)).collect();
        found.into_iter().for_each(|made| ctx.emit(made));
        for number in &round.dead {
            ctx.state.runs.remove(number);
        }
        for (number, open) in &round.left {
            if let Some(mut run) = ctx.state.runs.get_mut(number) {
                run.open = *open;
            }
        }
        let mut has_gone = !round.dead.is_empty();
        if !round.keeps_all() {
            let gone = runs(&ctx.state.runs).filter(|(_, run)| round.discards(run.path.first()));
            let gone: Vec<u64> = gone.map(|(number, _)| number).collect();
            has_gone |= !gone.is_empty();
            gone.iter().for_each(|number| drop(ctx.state.runs.remove(number)));
        }
        if let Some((index, event, at)) = coming.filter(|_| !round.born.is_empty()) {
            ctx.state.taken.insert(index, event);
            self.add(round.born, at, ctx);
        }
        if has_gone {
            forget_events(&mut ctx.state);
        }
    }

    fn found(&mut self, path: &Path, coming: Option<(u64, &T)>, ctx: &Ctx<Self>) -> U {
        let events = Held { taken: &ctx.state.taken, coming };
        (self.f)(&ctx.key, &Matched { path: &path.0, names: &self.nfa.names, events: &events })
    }

    fn add(&mut self, born: Vec<Run>, at: Timestamp, ctx: &mut Ctx<Self>) {
        for run in born {
            let deadline = self.nfa.deadline(run.start).filter(|_| run.start == at && ctx.watermark() < Timestamp::MAX);
            if let Some(deadline) = deadline {
                ctx.timer_at(deadline, ());
            }
            let numbers = ctx.state.next.dirty();
            let number = numbers.run;
            numbers.run += 1;
            ctx.state.runs.insert(number, run);
        }
        assert!(
            ctx.state.runs.len() <= self.nfa.under_way,
            "detect {:?}: more than {} matches are under way for one key; give the pattern a shorter .within(..), let \
             .after_match(..) discard some, or allow more with .at_most_under_way(..)",
            self.uid,
            self.nfa.under_way
        );
    }
}

/// Drops the events that no run has any more.
fn forget_events<T: State>(state: &mut UnderWay<T>) {
    let needed: BTreeSet<u64> =
        runs(&state.runs).flat_map(|(_, run)| run.path.0.iter().map(|taken| taken.index)).collect();
    let gone: Vec<u64> =
        state.taken.range_ref(..).map(|(index, _)| *index).filter(|index| !needed.contains(index)).collect();
    gone.iter().for_each(|index| drop(state.taken.remove(index)));
}
