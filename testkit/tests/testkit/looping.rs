//! Loops: drained within each epoch, with keyed state in the checkpoint.
use crate::jobs::{Event, events};
use millstream_operators::aggregate::count;
use millstream_operators::iterate::{Round, Step};
use millstream_operators::window::Tumbling;
use millstream_operators::{Job, Stream};
use millstream_runtime::Result;
use millstream_runtime::time::{Watermark, millis};
use millstream_testkit::{Harness, crash_test, graph, outside};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a node hears.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum News {
    Edge(u64, u64),
    Reached(u64),
}

impl News {
    fn node(&self) -> u64 {
        match self {
            News::Edge(node, _) | News::Reached(node) => *node,
        }
    }
}

/// Tells each node that can be reached from 0, once.
fn spread(round: Round<News>) -> Round<Step<News, u64>> {
    round.stateful("nodes", News::node, |node, (reached, behind): &mut (bool, BTreeSet<u64>), news| {
        let was = *reached;
        *reached |= *node == 0 || matches!(news, News::Reached(_));
        let told = match news {
            News::Edge(_, to) if behind.insert(to) && was => vec![to],
            _ if *reached && !was => behind.iter().copied().collect(),
            _ => vec![],
        };
        let is_new = (*reached && !was).then_some(Step::Done(*node));
        told.into_iter().map(|to| Step::Again(News::Reached(to))).chain(is_new).collect::<Vec<_>>()
    })
}

fn reached(edges: Stream<(u64, u64)>) -> Stream<u64> {
    edges.map(|(from, to)| News::Edge(from, to)).iterate("reach", 100, spread).or_fail()
}

#[test]
fn keyed_state_in_a_loop_is_exactly_once_wherever_it_is_killed() {
    let build = |job: &Job| -> Result<()> {
        let edges = job.source("edges", outside::<Event>()).map(|e| (e.number % 61, e.number * 7 % 61 + e.number % 3));
        reached(edges).sink("out", outside());
        Ok(())
    };
    crash_test(build).feed("edges", events(300)).run();
}

/// Two operators with state in one body, and windows behind the loop: what goes round holds the watermark.
#[test]
fn what_goes_round_is_not_late_behind_the_loop_and_is_exactly_once() {
    let build = |job: &Job| -> Result<()> {
        let events = job.source("events", outside::<Event>()).event_time(|e| e.at, Watermark::bounded(millis(10)));
        let passed = events.map(|e| (e.number, e.number % 9, e.key)).iterate("pass", 9, |round| {
            let first = |round: Round<(u64, u64, u64)>| {
                round.stateful(
                    "seen",
                    |(number, ..)| number % 5,
                    |_, seen: &mut u64, record| {
                        *seen += 1;
                        [record]
                    },
                )
            };
            let second = first(round).flat_map(|(number, left, key)| [(number, left, key + left)]);
            second.stateful(
                "again",
                |(_, _, key)| *key,
                |key, seen: &mut u64, (number, left, _)| {
                    *seen += 1;
                    [if left == 0 { Step::Done((number, *key)) } else { Step::Again((number, left - 1, *key)) }]
                },
            )
        });
        let windows = passed.or_fail().key_by(|(_, key)| *key).window(Tumbling::of(millis(50)));
        windows.aggregate("counted", count()).sink("out", outside());
        Ok(())
    };
    crash_test(build).feed("events", events(300)).run();
}

#[test]
fn the_state_of_a_loop_is_there_after_a_restart_with_any_number_of_workers() {
    let mut piece = Harness::new(reached);
    piece.push(1, (1u64, 2u64)).push(2, (2, 3)).push(3, (3, 1)).crash(4);
    assert_eq!(piece.push(4, (5, 6)).out(), Vec::<u64>::new());
    piece.push(5, (0, 1)).crash(2).push(6, (3, 4)).crash(3).push(7, (6, 7)).push(8, (4, 5)).crash(1).push(9, (7, 0));
    let mut all = piece.out();
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn what_is_not_done_after_the_last_round_has_failed() {
    let mut piece = Harness::new(|numbers: Stream<u64>| {
        let down = |n: u64| if n == 0 { Step::Done("done".to_string()) } else { Step::Again(n - 1) };
        let (done, failed) = numbers.iterate("down", 3, move |round| round.map(down)).apart();
        done.union(failed.map(|letter| format!("{}: {}", letter.raw, letter.reason)))
    });
    piece.push(1, 0u64).push(2, 2).push(3, 3).crash(2).push(4, 9);
    assert_eq!(piece.out(), ["done", "done", "0: not done after 3 rounds", "6: not done after 3 rounds"]);
}

#[test]
fn uids_inside_a_loop_are_those_of_the_job() {
    let twice = |job: &Job| -> Result<()> {
        let events = job.source("events", outside::<Event>());
        reached(events.clone().map(|e| (e.key, e.number))).sink("out", outside());
        events.key_by(|e| e.key).process_fn("nodes", |_, _: &mut u64, _, out| out.emit(0u64)).sink("more", outside());
        Ok(())
    };
    let said = graph(twice).unwrap_err();
    assert!(said.contains("process_fn \"nodes\" and the stateful at"), "{said}");
    assert!(said.contains("have one uid"), "{said}");
}
