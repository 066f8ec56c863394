//! Joins and deduplication against plain computations: step by step, through crashes, and killed anywhere. One suite for all of them.
use crate::jobs::{Event, events};
use millstream_operators::process_fn::Event as Happening;
use millstream_operators::window::{Group, Sliding, Tumbling};
use millstream_operators::{Either, Job, Keyed, Stream};
use millstream_runtime::Result;
use millstream_runtime::time::{Watermark, millis, mins};
use millstream_testkit::{Harness, crash_test, outside};

const WITHIN: i64 = 20;
const LENGTH: i64 = 30;
const SLIDE: i64 = 10;

fn sliding() -> Sliding {
    Sliding::of(millis(LENGTH as u64), millis(SLIDE as u64))
}

fn numbers(group: &Group<'_, u64, Event, Event>) -> [Vec<u64>; 2] {
    [&group.left, &group.right].map(|side| side.iter().map(|e| e.number).collect())
}

/// Every join of the same two streams; and a stream whose records come three times.
fn build(job: &Job) -> Result<()> {
    let timed = |uid: &str| job.source(uid, outside::<Event>()).event_time(|e| e.at, Watermark::bounded(millis(50)));
    let (orders, payments) = (timed("orders").key_by(|e| e.key), timed("payments").key_by(|e| e.key));
    let (left, right) = (|| orders.clone(), || payments.clone());
    let pair = |key: &u64, a: &Event, b: &Event| (*key, a.number, b.number);
    left().interval_join("near", right(), millis(WITHIN as u64), pair).sink("near-out", outside());
    left().join("all", right(), pair).sink("all-out", outside());
    left().window_join("windowed", right(), sliding(), pair).sink("windowed-out", outside());
    let grouped = left()
        .co_group("grouped", right(), Tumbling::of(millis(40)), |group| Some((*group.key, group.end, numbers(&group))));
    grouped.sink("grouped-out", outside());
    let versions = left().temporal_join("valid", right(), |key, a, b| (*key, a.number, b.map(|b| b.number)));
    versions.sink("valid-out", outside());
    // Those of one key are equal, so it is all the same which one is first.
    let thirds = timed("refunds").map(|e| e.number / 3).key_by(|third| *third);
    thirds.deduplicate("once", mins(1)).sink("once-out", outside());
    Ok(())
}

#[test]
fn joins_are_exactly_once_wherever_they_are_killed() {
    crash_test(build).feed("orders", events(200)).feed("payments", events(300)).feed("refunds", events(200)).run();
}

type Pair = (i64, i64);

/// Even numbers on the left, odd ones on the right, of one key.
fn piece<U: millstream_runtime::data::Data>(
    join: impl Fn(Keyed<u64, i64>, Keyed<u64, i64>) -> Stream<U> + Send + Sync + 'static,
) -> Harness<i64, U> {
    Harness::new(move |numbers: Stream<i64>| {
        let (even, odd) = numbers.split(|n| n % 2 == 0);
        join(even.key_by(|_| 0u64), odd.key_by(|_| 0u64))
    })
}

/// Times and numbers in the order in which they come.
const RECORDS: [(i64, i64); 8] = [(100, 2), (110, 1), (120, 4), (121, 3), (90, 5), (141, 6), (100, 7), (80, 8)];

/// Feeds all, with a crash after each; gives what has come out, sorted.
fn fed(mut piece: Harness<i64, Pair>) -> (Harness<i64, Pair>, Vec<Pair>) {
    for (i, (at, n)) in RECORDS.into_iter().enumerate() {
        piece.push(at, n).crash(1 + i % 3);
    }
    let mut out = piece.out();
    out.sort();
    (piece, out)
}

/// The pairs of an even and an odd number whose times belong together, once for each time that `times` gives.
fn pairs(times: impl Fn(i64, i64) -> usize) -> Vec<Pair> {
    let (even, odd): (Vec<Pair>, Vec<Pair>) = RECORDS.iter().partition(|(_, n)| n % 2 == 0);
    let both = even.iter().flat_map(|a| odd.iter().map(move |b| (a, b)));
    let mut pairs: Vec<Pair> = both.flat_map(|(a, b)| std::iter::repeat_n((a.1, b.1), times(a.0, b.0))).collect();
    pairs.sort();
    pairs
}

#[test]
fn pairs_are_those_within_the_interval_from_either_side_once_each() {
    let near = piece(|even, odd| even.interval_join("near", odd, millis(WITHIN as u64), |_, a, b| (*a, *b)));
    let (mut near, out) = fed(near);
    assert_eq!(out, pairs(|a, b| usize::from((a - b).abs() <= WITHIN)));
    assert_eq!(near.watermark(1000).push(1010, 9).out(), [], "nothing is near");
}

#[test]
fn all_pairs_of_a_key_are_joined_as_soon_as_both_are_here() {
    let (mut all, out) = fed(piece(|even, odd| even.join("all", odd, |_, a, b| (*a, *b))));
    assert_eq!(out, pairs(|_, _| 1));
    all.watermark(1000).push(1010, 9);
    assert_eq!(all.out().len(), 4, "all of them are kept");
}

#[test]
fn a_pair_is_joined_in_each_window_that_both_are_in_when_that_is_over() {
    let windowed = piece(|even, odd| even.window_join("windowed", odd, sliding(), |_, a, b| (*a, *b)));
    let (mut windowed, out) = fed(windowed);
    assert_eq!(out, [], "no window is over");
    let mut out = windowed.watermark(115).crash(2).watermark(125).push(60, 10).push(61, 9).watermark(1000).out();
    out.sort();
    let first = |at: i64| at.div_euclid(SLIDE) - LENGTH / SLIDE + 1;
    let shared = |a: i64, b: i64| (first(a.min(b)) + LENGTH / SLIDE - first(a.max(b))).max(0);
    assert_eq!(out, pairs(|a, b| shared(a, b) as usize), "what came too late is dropped");
}

#[test]
fn a_group_has_both_sides_of_a_window_and_may_lack_one() {
    let copied = |side: Vec<&i64>| side.into_iter().copied().collect::<Vec<_>>();
    let mut grouped = piece(move |even, odd| {
        let windows = Tumbling::of(millis(10));
        even.co_group("grouped", odd, windows, move |g| Some((g.start.0, copied(g.left), copied(g.right))))
    });
    grouped.push(4, 2).push(3, 4).crash(2).push(9, 1).push(10, 3).push(35, 6).crash(1);
    assert_eq!(grouped.watermark(10).out(), [(0, vec![4, 2], vec![1])]);
    assert_eq!(grouped.crash(2).watermark(100).out(), [(10, vec![], vec![3]), (30, vec![6], vec![])]);
    assert_eq!(grouped.push(50, 2).watermark(200).out(), [], "its window is over");
}

#[test]
fn a_record_meets_the_version_that_was_valid_at_its_time() {
    let mut valid = piece(|even, odd| even.temporal_join("valid", odd, |_, a, b| (*a, b.copied().unwrap_or(0))));
    valid.push(5, 2).push(25, 4).push(20, 3).push(10, 1).crash(2).push(20, 6);
    assert_eq!(valid.out(), [], "versions may still come");
    assert_eq!(valid.watermark(25).crash(1).out(), [(2, 0), (6, 3)], "at its own time it is valid");
    assert_eq!(valid.push(25, 5).watermark(30).out(), [(4, 5)], "it came behind the record, and counts");
    let out = valid.push(1000, 8).push(40, 10).crash(3).watermark(2000).out();
    assert_eq!(out, [(10, 5), (8, 5)], "the last version stays, however long ago");
}

#[test]
fn the_first_of_a_key_passes_until_it_is_forgotten() {
    let once = |numbers: Stream<u64>| numbers.key_by(|n| n % 10).deduplicate("once", millis(100));
    let mut timed = Harness::new(once);
    timed.push(50, 1).push(60, 11).crash(2).push(40, 21).push(50, 2);
    assert_eq!(timed.out(), [1, 2], "what is older than the first is dropped too");
    timed.push(150, 31).push(151, 41).crash(1).push(251, 51);
    assert_eq!(timed.out(), [41], "100 ms behind the first it is still dropped; then the next is the first");
    assert_eq!(timed.watermark(352).push(352, 61).crash(3).push(400, 71).out(), [61]);
}

/// Sums do not depend on the order of two streams, and tell when both have the same.
#[test]
fn connected_streams_with_one_state_are_exactly_once_wherever_they_are_killed() {
    let build = |job: &Job| -> Result<()> {
        let (left, right) = (job.source("left", outside::<Event>()), job.source("right", outside::<u64>()));
        let both = left.connect(right).key_by(|e| match e {
            Either::Left(event) => event.key,
            Either::Right(number) => number % 11,
        });
        let met = both.process_fn("met", |key, (lefts, rights): &mut (u64, u64), event, out| match event {
            Happening::Record(Either::Left(_)) => {
                *lefts += 1;
                out.emit((*key, 0, *lefts));
            }
            Happening::Record(Either::Right(_)) => {
                *rights += 1;
                out.emit((*key, 1, *rights));
            }
            Happening::Timer(_) => {}
        });
        met.sink("out", outside());
        Ok(())
    };
    crash_test(build).feed("left", events(200)).feed("right", 0..300u64).run();
}
