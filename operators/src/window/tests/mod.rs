//! Windows against plain computations, step by step, with late records and restarts.

mod bench;
mod plain;

use super::folding::Folding;
use super::logic::Windowing;
use super::panes::PaneWindows;
use super::sessions::Sessions;
use super::shape::{Gap, Panes};
use crate::stream::Either;
use bench::{Bench, Log, numbers};
use millstream_runtime::run::Jitter;
use millstream_runtime::state::{Backend, Cursor};
use millstream_runtime::time::millis;
use plain::{Emitted, Event, Plain, PlainPanes, PlainSessions};
use std::collections::BTreeMap;
use std::rc::Rc;

fn sorted(mut all: Vec<Emitted>) -> Vec<String> {
    let mut all: Vec<String> = all.drain(..).map(|e| format!("{e:?}")).collect();
    all.sort();
    all
}

/// Random records, watermarks and restarts; after each step both have emitted the same.
fn compare<F, W>(seed: u64, make: impl Fn(&Rc<Cursor>) -> W, mut plain: impl Plain) -> usize
where
    F: Folding<u8, In = Event, Emitted = Emitted>,
    W: Windowing<u8, Folding = F>,
{
    let mut random = Jitter::new(seed);
    let (mut log, mut watermark, mut late) = (Log::default(), i64::MIN, 0);
    let mut bench = Bench::new(&make, &log, watermark);
    let mut newest = -300;
    for step in 0..400 {
        let (ours, theirs) = match random.below(10) {
            0 => {
                watermark = watermark.max(newest - random.below(40) as i64);
                (bench.advance(watermark), plain.advance(watermark))
            }
            1 if random.below(3) == 0 => {
                bench.snapshot(&mut log);
                bench = Bench::new(&make, &log, watermark);
                (vec![], vec![])
            }
            _ => {
                newest += random.below(6) as i64;
                let event = (random.below(3) as u8, newest - random.below(60) as i64, step);
                (bench.arrive(event, watermark), plain.arrive(event, watermark))
            }
        };
        late += theirs.iter().filter(|e| matches!(e, Either::Right(_))).count();
        assert_eq!(sorted(ours), sorted(theirs), "seed {seed}, step {step}, watermark {watermark}");
    }
    assert_eq!(sorted(bench.advance(i64::MAX)), sorted(plain.advance(i64::MAX)), "seed {seed}, the end");
    assert!(bench.memory.is_empty(), "seed {seed}: nothing is left at the end");
    late
}

#[test]
fn tumbling_and_sliding_windows_are_those_of_a_plain_computation() {
    let mut late = 0;
    for (length, slide, lateness) in [
        (10, 10, 0),
        (10, 10, 20),
        (10, 10, 25),
        (12, 4, 0),
        (12, 4, 12),
        (12, 4, 15),
        (10, 4, 30),
        (7, 5, 0),
        (3, 8, 9),
    ] {
        for seed in 0..40 {
            let shape = Panes::new(millis(length), millis(slide), millis(lateness));
            let (length, slide, lateness) = (length as i64, slide as i64, lateness as i64);
            let plain = PlainPanes { length, slide, lateness, windows: BTreeMap::new() };
            late += compare(seed, |cursor| PaneWindows::new(shape, numbers(), cursor), plain);
        }
    }
    assert!(late > 1000, "late records are tested: {late}");
}

#[test]
fn sessions_are_those_of_a_plain_computation() {
    let mut late = 0;
    for (gap, lateness) in [(0, 0), (3, 0), (3, 20), (8, 0), (8, 30)] {
        for seed in 0..60 {
            let shape = Gap::new(millis(gap), millis(lateness));
            let plain = PlainSessions { gap: gap as i64, lateness: lateness as i64, sessions: vec![] };
            late += compare(seed, |cursor| Sessions::new(shape, numbers(), cursor), plain);
        }
    }
    assert!(late > 1000, "late records are tested: {late}");
}

/// Records come while windows that are due wait for their turn: each is in the last result of its windows, or late.
#[test]
fn records_between_two_turns_are_neither_lost_nor_counted_twice() {
    for (length, slide, lateness) in [(10, 10, 0), (10, 10, 20), (10, 10, 25), (12, 4, 0), (12, 4, 8), (12, 4, 25)] {
        for seed in 0..100 {
            between_two_turns(seed, (length, slide, lateness));
        }
    }
}

fn between_two_turns(seed: u64, (length, slide, lateness): (i64, i64, i64)) {
    let span = |ms: i64| millis(ms.unsigned_abs());
    let shape = Panes::new(span(length), span(slide), span(lateness));
    let make = |cursor: &Rc<Cursor>| PaneWindows::new(shape, numbers(), cursor);
    let (mut random, mut bench) = (Jitter::new(seed), Bench::new(&make, &Log::default(), i64::MIN));
    let (mut watermark, mut newest, mut all, mut arrivals) = (i64::MIN, 0, vec![], vec![]);
    for number in 0..400 {
        newest += random.below(6) as i64;
        let event = (random.below(2) as u8, newest - random.below(60) as i64, number);
        arrivals.push((event, watermark));
        all.extend(bench.arrive(event, watermark));
        if random.below(10) == 0 {
            watermark = watermark.max(newest - random.below(40) as i64);
        }
        all.extend(bench.turn(watermark, 1));
    }
    all.extend(bench.advance(i64::MAX));
    let (mut last, mut late) = (BTreeMap::new(), vec![]);
    for emitted in all {
        match emitted {
            Either::Left(w) => match last.insert((w.key, w.start), w.clone()) {
                None => assert_eq!(w.revision, 0, "{w:?}"),
                Some(before) => assert_eq!(w.revision, before.revision + 1, "{w:?} after {before:?}"),
            },
            Either::Right(event) => late.push(event),
        }
    }
    arrivals.retain(|(event, _)| !late.contains(event));
    for window in last.values() {
        let is_in = |(key, at, _): &Event| *key == window.key && (window.start.0..window.end.0).contains(at);
        let may: Vec<_> = arrivals.iter().filter(|(event, _)| is_in(event)).collect();
        // What came when this window took no late records, but a later one did, may be in it.
        let must = may.iter().filter(|(_, watermark)| window.end.0 + lateness > *watermark);
        let times = |number: u32| window.value.iter().filter(|other| **other == number).count();
        assert!(must.clone().all(|((.., number), _)| times(*number) == 1), "seed {seed}: {window:?} of {may:?}");
        assert!(may.iter().all(|((.., number), _)| times(*number) <= 1), "seed {seed}: {window:?} of {may:?}");
        assert!(
            window.value.iter().all(|n| may.iter().any(|((.., number), _)| number == n)),
            "seed {seed}: {window:?}"
        );
    }
    let seen = |number: u32| last.values().any(|window| window.value.contains(&number));
    assert!(arrivals.iter().all(|((.., number), _)| seen(*number)), "seed {seed}: lateness {lateness}");
}

/// The first and the last instants, where windows would begin or end beyond what a time can say.
const ENDS: [i64; 8] =
    [i64::MIN, i64::MIN + 3, i64::MIN + 25, i64::MIN + 40, i64::MAX - 40, i64::MAX - 25, i64::MAX - 3, i64::MAX - 1];

/// Each record of the ends of time, all before the first watermark.
fn at_the_ends<F, W>(make: impl Fn(&Rc<Cursor>) -> W) -> Vec<Emitted>
where
    F: Folding<u8, In = Event, Emitted = Emitted>,
    W: Windowing<u8, Folding = F>,
{
    let mut bench = Bench::new(&make, &Log::default(), i64::MIN);
    let mut all = vec![];
    for (number, at) in ENDS.into_iter().enumerate() {
        all.extend(bench.arrive((7, at, number as u32), i64::MIN));
    }
    for watermark in [i64::MIN + 30, 0, i64::MAX - 30, i64::MAX - 1, i64::MAX] {
        all.extend(bench.advance(watermark));
    }
    assert!(bench.memory.is_empty(), "nothing is left: {all:?}");
    all
}

#[test]
fn records_at_the_ends_of_time_are_in_all_their_windows_once() {
    let pairs = |all: Vec<Emitted>| -> Vec<(i64, u32)> {
        let results = all.into_iter().filter_map(|emitted| match emitted {
            Either::Left(result) => Some(result),
            Either::Right(_) => None,
        });
        let mut pairs: Vec<_> = results.flat_map(|w| w.value.into_iter().map(move |n| (w.start.0, n))).collect();
        pairs.sort();
        pairs
    };
    for lateness in [0, 20, 25] {
        for (length, slide) in [(10, 10), (8, 8), (12, 4), (30, 10), (7, 5)] {
            let shape = Panes::new(millis(length), millis(slide), millis(lateness));
            let pairs = pairs(at_the_ends(|cursor| PaneWindows::new(shape, numbers(), cursor)));
            assert!(pairs.windows(2).all(|two| two[0] != two[1]), "once: {pairs:?}");
            // Where windows are side by side or share parts each record is in at least one; no window is cut at the far end.
            let of = |number: usize| pairs.iter().filter(|(_, n)| *n == number as u32).count();
            assert!((0..ENDS.len()).all(|number| of(number) > 0), "{length} every {slide}: {pairs:?}");
            let whole = ENDS[4].rem_euclid(slide as i64);
            let starts = (0..).map(|n| whole + n * slide as i64).take_while(|behind| *behind < length as i64);
            assert_eq!(of(4), starts.count(), "{length} every {slide}: {pairs:?}");
        }
        for gap in [0, 8, 30, 100] {
            let shape = Gap::new(millis(gap), millis(lateness));
            let pairs = pairs(at_the_ends(|cursor| Sessions::new(shape, numbers(), cursor)));
            assert_eq!(pairs.len(), ENDS.len(), "each in one session: {pairs:?}");
        }
    }
}

/// A key whose sessions are kept for long: a look that visited them all would make this take minutes.
#[test]
fn what_a_look_costs_does_not_grow_with_the_sessions_of_its_key() {
    let shape = Gap::new(millis(3), millis(i64::MAX as u64 / 2));
    let make = |cursor: &Rc<Cursor>| Sessions::new(shape, numbers(), cursor);
    let mut bench = Bench::new(&make, &Log::default(), i64::MIN);
    let (began, mut fired) = (std::time::Instant::now(), 0);
    for number in 0..200_000 {
        let at = i64::from(number) * 10;
        bench.arrive((0, at, number), i64::MIN);
        fired += bench.advance(at).len();
    }
    assert_eq!(fired, 199_999);
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}
