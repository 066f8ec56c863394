//! The harness: order, watermarks, processing time, crashes.
use crate::jobs::{Event, Quiet};
use millstream_operators::Stream;
use millstream_operators::aggregate::count;
use millstream_operators::process::{Ctx, Process};
use millstream_operators::window::Tumbling;
use millstream_runtime::KeyedState;
use millstream_runtime::state::{List, Value};
use millstream_runtime::time::{Timestamp, days, millis, secs};
use millstream_testkit::{Harness, ManualClock};
use std::panic::{AssertUnwindSafe, catch_unwind};

fn event(key: u64, at: i64, number: u64) -> Event {
    Event { key, at, number }
}

fn quiet(events: Stream<Event>) -> Stream<(u64, u64, Vec<u64>)> {
    events.key_by(|e| e.key).process("quiet", Quiet)
}

#[test]
fn timers_fire_when_the_watermark_passes_and_state_survives_a_crash() {
    let mut piece = Harness::new(quiet);
    piece.push(10, event(1, 10, 100)).crash(3).push(20, event(1, 20, 101)).push(500, event(2, 500, 200));
    assert_eq!(piece.out(), [], "records do not move the watermark");
    piece.watermark(53);
    assert_eq!(piece.out(), [], "the key was quiet for 33 ms only");
    piece.watermark(55);
    assert_eq!(piece.out(), [(1, 1, vec![100, 101])]);
    piece.crash(2).push(70, event(1, 70, 102)).crash(1).watermark(1000);
    assert_eq!(piece.out(), [(1, 2, vec![102]), (2, 1, vec![200])]);
    assert_eq!(piece.out(), [], "each record comes out once");
}

#[test]
fn records_out_of_order_are_not_late_before_the_watermark() {
    let windows = |events: Stream<Event>| {
        let tumbled = events.key_by(|e| e.key).window(Tumbling::of(millis(10)));
        tumbled.aggregate("tumbled", count()).map(|w| (w.start.0, w.value))
    };
    let mut piece = Harness::new(windows);
    piece.push(25, event(1, 25, 0)).push(5, event(1, 5, 1)).push(6, event(1, 6, 2)).watermark(20);
    assert_eq!(piece.out(), [(0, 2)]);
    piece.crash(2).push(7, event(1, 7, 3)).watermark(40);
    assert_eq!(piece.out(), [(20, 1)], "the one behind the watermark is late");
}

#[test]
fn output_is_in_the_order_of_the_steps_with_any_number_of_workers() {
    let mut piece = Harness::new(|numbers: Stream<u64>| {
        numbers.key_by(|n| *n).process_fn("n", |k, _: &mut u64, _, out| out.emit(*k))
    });
    piece.crash(3);
    for n in 0..20 {
        piece.push(0, n);
    }
    assert_eq!(piece.out(), (0..20).collect::<Vec<u64>>());
}

/// Says how long ago a key was first seen, when it is forgotten.
struct Forget;

impl Process for Forget {
    type Key = u64;
    type In = u64;
    type Out = (u64, Timestamp);
    type State = Value<Timestamp>;
    type Timer = ();

    fn on_record(&mut self, _: u64, ctx: &mut Ctx<Self>) {
        if ctx.state.get().is_none() {
            ctx.state.set(ctx.now());
            ctx.timer_after(days(7), ());
        }
    }

    fn on_timer(&mut self, (): (), ctx: &mut Ctx<Self>) {
        ctx.state.clear();
        ctx.emit((ctx.key, ctx.now()));
    }
}

#[test]
fn processing_time_passes_when_it_is_told_to() {
    let mut piece = Harness::new(|numbers: Stream<u64>| numbers.key_by(|n| *n).process("forget", Forget));
    piece.push(0, 5).pass(days(6)).push(0, 6).crash(2).pass(days(1) - secs(1));
    assert_eq!(piece.out(), []);
    piece.pass(secs(1));
    assert_eq!(piece.out(), [(5, Timestamp(7 * 86_400_000))]);
    piece.pass(days(6));
    assert_eq!(piece.out(), [(6, Timestamp(13 * 86_400_000))]);
}

#[derive(KeyedState)]
struct Remembered {
    #[state(ttl = "1d")]
    numbers: List<u64>,
}

/// Gives all numbers of the last day.
struct Remember;

impl Process for Remember {
    type Key = u64;
    type In = u64;
    type Out = Vec<u64>;
    type State = Remembered;
    type Timer = ();

    fn on_record(&mut self, number: u64, ctx: &mut Ctx<Self>) {
        ctx.state.numbers.push(number);
        ctx.emit(ctx.state.numbers.iter().collect());
    }
}

#[test]
fn what_has_a_ttl_lives_so_long_from_the_first_record_on() {
    let mut piece = Harness::new(|numbers: Stream<u64>| numbers.key_by(|_| 0).process("remember", Remember));
    piece.push(0, 1).crash(2).push(0, 2).pass(secs(80_000)).push(0, 3).crash(1).pass(secs(10_000)).push(0, 4);
    assert_eq!(piece.out(), [vec![1], vec![1, 2], vec![1, 2, 3], vec![3, 4]]);
}

#[test]
fn a_piece_that_fails_says_why() {
    let mut piece = Harness::new(|numbers: Stream<u64>| numbers.map(|n| 10 / n));
    piece.push(0, 5);
    assert_eq!(piece.out(), [2]);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        piece.push(0, 0);
    }))
    .unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("divide by zero"), "{text}");
}

#[test]
fn the_clock_stands_still() {
    use millstream_runtime::run::Clock;
    let clock = ManualClock::at(5);
    assert_eq!((clock.now(), clock.now()), (5, 5));
    clock.advance(secs(2));
    assert_eq!(clock.now(), 2005);
}
