//! Patterns in keyed events: matches under way are in the checkpoint, and do not depend on the order of arrival.
use crate::jobs::{Event, events};
use millstream_operators::pattern::{AfterMatch, Pattern};
use millstream_operators::{Job, Stream};
use millstream_runtime::Result;
use millstream_runtime::time::{Watermark, millis};
use millstream_testkit::{Harness, crash_test, graph, outside};

fn rest(of: u64, is: u64) -> impl Fn(&Event) -> bool + 'static {
    move |event| event.number % of == is
}

/// One pattern that waits for what does not come, and one that grows and discards.
fn build(job: &Job) -> Result<()> {
    let all = job.source("events", outside::<Event>()).event_time(|e| e.at, Watermark::bounded(millis(10)));
    let quiet = Pattern::begin("even", rest(2, 0)).not_followed_by(rest(5, 0)).within(millis(90));
    let quiet =
        all.clone().key_by(|e| e.key).detect("quiet", quiet, |key, m| (*key, m.first("even").map(|e| e.number)));
    quiet.sink("quieted", outside());
    let grows = Pattern::begin("start", rest(3, 0))
        .followed_by("middle", rest(2, 1))
        .one_or_more()
        .followed_by_any("end", rest(4, 1))
        .and(|event, m| m.last("middle").is_some_and(|middle| middle.number < event.number))
        .within(millis(200))
        .after_match(AfterMatch::SkipToLast("end".into()));
    let grown =
        all.key_by(|e| e.key).detect("grows", grows, |_, m| m.iter().map(|(_, e)| e.number).collect::<Vec<_>>());
    grown.sink("grown", outside());
    Ok(())
}

#[test]
fn patterns_are_exactly_once_wherever_the_job_is_killed() {
    crash_test(build).feed("events", events(400)).run();
}

/// A letter for each event; all of one key.
fn words(letters: Stream<char>) -> Stream<String> {
    let is = |letter: char| move |c: &u32| *c == u32::from(letter);
    let pattern = Pattern::begin("a", is('a'))
        .followed_by("b", is('b'))
        .one_or_more()
        .not_followed_by(is('x'))
        .within(millis(100));
    let letters = letters.map(u32::from).key_by(|_| 0u64);
    letters.detect("words", pattern, |_, m| m.iter().filter_map(|(_, c)| char::from_u32(*c)).collect())
}

#[test]
fn events_count_in_the_order_of_their_times_across_restarts_with_other_numbers_of_workers() {
    let mut piece = Harness::new(words);
    piece.push(30, 'b').crash(4).push(10, 'a').push(20, 'c').crash(2).watermark(50);
    assert_eq!(
        piece.push(40, 'b').out(),
        Vec::<String>::new(),
        "the second b came too late, the first has time until 110"
    );
    assert_eq!(piece.crash(3).watermark(109).out(), Vec::<String>::new());
    assert_eq!(piece.crash(1).watermark(110).out(), ["ab"]);
    piece.push(200, 'a').push(220, 'b').push(230, 'x').push(240, 'b').crash(2).watermark(1000);
    assert_eq!(piece.out(), ["abb"], "x came behind the first b");
}

#[test]
fn a_pattern_that_makes_no_sense_or_has_no_event_time_is_refused() {
    let job = |timed: bool| {
        move |job: &Job| -> Result<()> {
            let events = job.source("events", outside::<Event>());
            let events = if timed { events.event_time(|e| e.at, Watermark::ascending()) } else { events };
            let endless = Pattern::begin("one", rest(2, 0)).not_followed_by(rest(2, 1));
            events.key_by(|e| e.key).detect("endless", endless, |key, _| *key).sink("out", outside());
            Ok(())
        }
    };
    let said = graph(job(false)).unwrap_err();
    assert!(said.contains("detect \"endless\" needs event time"), "{said}");
    let said = graph(job(true)).unwrap_err();
    let words =
        "detect \"endless\": it ends with .not_followed_by(..), and has no .within(..): nobody knows when that is over";
    assert!(said.starts_with(words), "{said}");
    assert!(
        said.contains("--> testkit/tests/testkit/detecting.rs:") && said.ends_with("help: add .within(..)"),
        "{said}"
    );
}
