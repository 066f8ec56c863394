//! Broadcast state: every worker has the same, whatever dies and whatever their number.
use crate::jobs::{Event, events};
use millstream_operators::broadcast::{CtxWith, ProcessWith, View, Visit};
use millstream_operators::{Job, Stream};
use millstream_runtime::state::List;
use millstream_runtime::time::{Watermark, millis};
use millstream_runtime::{KeyedState, Result};
use millstream_testkit::{Harness, crash_test, graph, outside};

/// Pairs each event with each rule, whichever comes first: an event with the rules that are there, a rule with the events
/// that were. So no record and no entry may be lost or come twice on any side of a cut.
struct Pairs;

#[derive(KeyedState)]
struct Seen {
    numbers: List<u64>,
}

impl ProcessWith for Pairs {
    type Key = u64;
    type In = Event;
    type Out = (u64, u64, u64);
    type State = Seen;
    type Timer = ();
    type SideKey = u64;
    type SideValue = Event;

    fn on_record(&mut self, event: Event, rules: &View<u64, Event>, ctx: &mut CtxWith<Self>) {
        ctx.state.numbers.push(event.number);
        rules.iter().for_each(|(key, rule)| ctx.emit((event.number, *key, rule.number)));
    }

    fn on_change(&mut self, _changed: &u64, _rules: &View<u64, Event>) -> Visit {
        Visit::EveryKey
    }

    fn on_visit(&mut self, changed: &u64, rules: &View<u64, Event>, ctx: &mut CtxWith<Self>) {
        let Some(rule) = rules.get(changed).map(|rule| rule.number) else { return };
        let numbers: Vec<u64> = ctx.state.numbers.iter().collect();
        numbers.into_iter().for_each(|number| ctx.emit((number, *changed, rule)));
    }
}

#[test]
fn a_process_with_a_broadcast_is_exactly_once_wherever_it_is_killed() {
    let build = |job: &Job| -> Result<()> {
        let rules = job.source("rules", outside::<Event>()).broadcast("rule-of", |rule| rule.number);
        let events = job.source("events", outside::<Event>()).event_time(|e| e.at, Watermark::bounded(millis(10)));
        events.key_by(|e| e.key).process_with("pairs", &rules, Pairs).sink("out", outside());
        Ok(())
    };
    crash_test(build).feed("events", events(200)).feed("rules", events(40)).run();
}

/// All rules of a key say the same, so what a record sees of one does not depend on when it sees it; and a record is
/// kept only if nothing else is there.
#[test]
fn a_stream_with_a_broadcast_is_exactly_once_wherever_it_is_killed() {
    let build = |job: &Job| -> Result<()> {
        let rules = job.source("rules", outside::<Event>());
        let rules = rules.broadcast_map("rule-of", |rule| rule.key, |rule| Some(rule.key * 3));
        let events = job.source("events", outside::<Event>());
        let right = |key: u64, rules: &View<u64, u64>| rules.get(&key).is_none_or(|rule| *rule == key * 3);
        let judged =
            events.with(&rules).map(move |event, rules| (event.number, right(event.key, rules) && rules.len() <= 11));
        judged.with(&rules).filter(|(_, right), _| *right).sink("out", outside());
        Ok(())
    };
    crash_test(build).feed("events", events(300)).feed("rules", events(100)).run();
}

/// Even numbers change the entry of their tens to themselves, or take it away where they end in 0; odd ones ask for it.
fn asked(numbers: Stream<u64>) -> Stream<(u64, Option<u64>, usize)> {
    let (changes, questions) = numbers.split(|n| n % 2 == 0);
    let last = changes.broadcast_map("last", |n| n / 10, |n| Some(n).filter(|n| n % 10 != 0));
    questions.with(&last).map(|n, last| (n, last.get(&(n / 10)).copied(), last.len()))
}

#[test]
fn every_worker_has_all_entries_after_a_restart_with_any_number_of_workers() {
    let mut piece = Harness::new(asked);
    piece.push(1, 12u64).push(2, 24).crash(4).push(3, 38);
    for workers in [1, 2, 4, 3] {
        piece.crash(workers).push(4, 11).push(5, 23).push(6, 35).push(7, 47);
        assert_eq!(piece.out(), [(11, Some(12), 3), (23, Some(24), 3), (35, Some(38), 3), (47, None, 3)], "{workers}");
    }
    piece.push(8, 20).push(9, 16).crash(2).push(10, 21).push(11, 19);
    assert_eq!(piece.out(), [(21, None, 2), (19, Some(16), 2)]);
}

#[test]
fn splits_are_mixed_behind_a_broadcast_which_brings_no_time() {
    let beside = |timed: bool| {
        move |job: &Job| -> Result<()> {
            let time = |stream: Stream<Event>| stream.event_time(|e| e.at, Watermark::ascending());
            let rules = time(job.source("rules", outside::<Event>())).broadcast("rule-of", |rule| rule.key);
            let events = job.source("events", outside::<Event>()).with(&rules).map(|event, _| event);
            let events = if timed { time(events) } else { events };
            events
                .key_by(|e| e.key)
                .interval_join(
                    "near",
                    job.source("more", outside::<Event>()).key_by(|e| e.key),
                    millis(5),
                    |_, a, b| (a.number, b.number),
                )
                .sink("out", outside());
            Ok(())
        }
    };
    let said = graph(beside(true)).unwrap_err();
    assert!(said.contains("event_time behind with, where splits are mixed"), "{said}");
    let said = graph(beside(false)).unwrap_err();
    assert!(said.contains("needs event time, and what source \"events\" reads has none"), "{said}");
}
