//! Joins against plain computations, killed anywhere.
use crate::jobs::{Event, events, outside};
use millstream_operators::Job;
use millstream_runtime::Result;
use millstream_runtime::time::{Watermark, millis};
use millstream_testkit::{Harness, crash_test};

const WITHIN: i64 = 20;

/// Even numbers with odd ones of the same key.
fn build(job: &Job) -> Result<()> {
    let timed = |uid: &str| job.source(uid, outside::<Event>()).event_time(|e| e.at, Watermark::bounded(millis(50)));
    let (orders, payments) = (timed("orders").key_by(|e| e.key), timed("payments").key_by(|e| e.key));
    let pairs = orders.interval_join("pairs", payments, millis(WITHIN as u64), |key, a, b| (*key, a.number, b.number));
    pairs.sink("out", outside());
    Ok(())
}

#[test]
fn an_interval_join_is_exactly_once_wherever_it_is_killed() {
    crash_test(build).feed("orders", events(200)).feed("payments", events(300)).run();
}

#[test]
fn pairs_are_those_within_the_interval_from_either_side_once_each() {
    let mut piece = Harness::new(|numbers: millstream_operators::Stream<i64>| {
        let (even, odd) = numbers.split(|n| n % 2 == 0);
        even.key_by(|_| 0u64).interval_join("pairs", odd.key_by(|_| 0u64), millis(WITHIN as u64), |_, a, b| (*a, *b))
    });
    let numbers = [(100i64, 2i64), (110, 1), (120, 4), (121, 3), (90, 5), (141, 6), (100, 7), (80, 8)];
    let mut expected = vec![];
    for (i, (at, n)) in numbers.into_iter().enumerate() {
        piece.push(at, n).crash(1 + i % 3);
        for (before, other) in &numbers[..i] {
            if (other + n) % 2 != 0 && (at - before).abs() <= WITHIN {
                expected.push(if n % 2 == 0 { (n, *other) } else { (*other, n) });
            }
        }
    }
    let mut pairs = piece.out();
    pairs.sort();
    expected.sort();
    assert_eq!(pairs, expected);
    assert_eq!(piece.watermark(1000).push(1010, 9).out(), [], "nothing is near");
}
