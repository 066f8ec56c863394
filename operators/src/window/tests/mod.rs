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
    for (length, slide, lateness) in
        [(10, 10, 0), (10, 10, 25), (12, 4, 0), (12, 4, 15), (10, 4, 30), (7, 5, 0), (3, 8, 9)]
    {
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

/// Records come while windows that are due wait for their turn: each is in the last result of its window, or late.
#[test]
fn records_between_two_turns_are_neither_lost_nor_counted_twice() {
    for (lateness, seed) in [0, 25].into_iter().flat_map(|lateness| (0..100).map(move |seed| (lateness, seed))) {
        let shape = Panes::new(millis(10), millis(10), millis(lateness));
        let make = |cursor: &Rc<Cursor>| PaneWindows::new(shape, numbers(), cursor);
        let (mut random, mut bench) = (Jitter::new(seed), Bench::new(&make, &Log::default(), i64::MIN));
        let (mut watermark, mut newest, mut all) = (i64::MIN, 0, vec![]);
        for number in 0..400 {
            newest += random.below(6) as i64;
            let event = (random.below(2) as u8, newest - random.below(60) as i64, number);
            all.extend(bench.arrive(event, watermark));
            if random.below(10) == 0 {
                watermark = watermark.max(newest - random.below(40) as i64);
            }
            all.extend(bench.turn(watermark, 1));
        }
        all.extend(bench.advance(i64::MAX));
        let (mut last, mut seen) = (BTreeMap::new(), vec![]);
        for emitted in all {
            match emitted {
                Either::Left(w) => match last.insert((w.key, w.start), w.clone()) {
                    None => assert_eq!(w.revision, 0, "{w:?}"),
                    Some(before) => assert_eq!(w.revision, before.revision + 1, "{w:?} after {before:?}"),
                },
                Either::Right((_, _, number)) => seen.push(number),
            }
        }
        seen.extend(last.into_values().flat_map(|w| w.value));
        seen.sort();
        assert!(seen.into_iter().eq(0..400), "lateness {lateness}, seed {seed}");
    }
}
