//! Windows over processing time, of so many records, and by triggers: step by step, through crashes, and killed anywhere.
use crate::jobs::{Event, events};
use millstream_operators::aggregate::{count, sum};
use millstream_operators::window::{Every, Fire, Fired, Moment, Session, Sliding, Trigger, Tumbling, When, Windowed};
use millstream_operators::{Job, Keyed, Stream};
use millstream_runtime::Result;
use millstream_runtime::time::{Timestamp, Watermark, millis, mins, secs};
use millstream_testkit::{Harness, crash_test, graph, outside};

fn by_parity(numbers: Stream<u64>) -> Keyed<u64, u64> {
    numbers.key_by(|n| n % 2)
}

fn total() -> impl millstream_operators::aggregate::Aggregate<u64, Acc = u64, Out = u64> {
    sum(|n: &u64| *n)
}

/// Key, start and end in seconds, value.
fn row(w: Windowed<u64, u64>) -> (u64, i64, i64, u64) {
    (w.key, w.start.0 / 1000, w.end.0 / 1000, w.value)
}

#[test]
fn windows_over_processing_time_go_by_when_records_are_here() {
    let mut piece =
        Harness::new(|n| by_parity(n).processing_time_window(Tumbling::of(mins(1))).aggregate("m", total()).map(row));
    piece.push(0, 1).push(500_000, 3).pass(secs(30)).push(7, 2).crash(2).push(0, 5).pass(secs(29));
    assert_eq!(piece.out(), []);
    let mut out = piece.pass(secs(1)).out();
    out.sort();
    assert_eq!(out, [(0, 0, 60, 2), (1, 0, 60, 9)], "whatever their event times");
    assert_eq!(piece.push(0, 7).crash(3).pass(mins(2)).out(), [(1, 60, 120, 7)]);
}

#[test]
fn sliding_windows_over_processing_time_fire_once_each_through_a_crash() {
    let windows = Sliding::of(secs(20), secs(10));
    let mut piece =
        Harness::new(move |n| by_parity(n).processing_time_window(windows).aggregate("s", total()).map(row));
    piece.pass(secs(12)).push(0, 1).pass(secs(10));
    assert_eq!(piece.out(), [(1, 0, 20, 1)]);
    assert_eq!(piece.crash(2).out(), [], "the window that has fired does not fire again");
    assert_eq!(piece.pass(secs(10)).out(), [(1, 10, 30, 1)]);
    assert_eq!(piece.pass(secs(60)).out(), []);
}

#[test]
fn sessions_over_processing_time_end_when_nothing_comes() {
    let mut piece =
        Harness::new(|n| by_parity(n).processing_time_window(Session::gap(secs(10))).aggregate("s", total()).map(row));
    piece.push(0, 1).pass(secs(8)).push(0, 3).crash(2).pass(secs(8)).push(0, 5).pass(secs(11));
    assert_eq!(piece.out(), [(1, 0, 26, 9)]);
}

#[test]
fn so_many_records_make_a_window() {
    let mut piece = Harness::new(|n| by_parity(n).count_window(3).aggregate("c", total()));
    piece.push(0, 1).push(0, 2).push(0, 3).crash(2);
    assert_eq!(piece.out(), []);
    let out = piece.push(0, 5).out();
    assert_eq!((out[0].first, out[0].records, out[0].value), (0, 3, 9));
    let out = piece.push(0, 7).push(0, 9).crash(1).push(0, 11).out();
    assert_eq!((out[0].first, out[0].records, out[0].value), (3, 3, 27));
}

#[test]
fn sliding_windows_of_so_many_records_begin_small() {
    let mut piece = Harness::new(|n| n.key_by(|_| 0u64).count_window(4).every(2).aggregate("c", total()));
    (1..=5).for_each(|n| {
        piece.push(0, n).crash(1 + n as usize % 2);
    });
    piece.push(0, 6);
    let rows: Vec<_> = piece.out().into_iter().map(|w| (w.first, w.records, w.value)).collect();
    assert_eq!(rows, [(0, 2, 3), (0, 4, 10), (2, 4, 18)]);
}

fn pairs(fired: Vec<Fired<u64, u64>>) -> Vec<(u64, u64)> {
    fired.into_iter().map(|f| (f.records, f.value)).collect()
}

#[test]
fn a_global_window_accumulates_or_begins_anew() {
    for (purges, expected) in [(false, [(2, 4), (4, 16)]), (true, [(2, 4), (2, 12)])] {
        let mut piece = Harness::new(move |n| {
            let windows = by_parity(n).global_window(Every::records(2));
            let windows = if purges { windows.purging() } else { windows };
            windows.aggregate("g", total())
        });
        piece.push(0, 1).crash(2).push(0, 3).push(0, 5).crash(1).push(0, 7);
        assert_eq!(pairs(piece.out()), expected, "purges: {purges}");
    }
}

#[test]
fn triggers_go_by_event_time_processing_time_or_either() {
    let mut piece = Harness::new(|n| by_parity(n).global_window(Every::event_time(secs(10))).aggregate("g", total()));
    piece.push(3_000, 1).push(12_000, 3).watermark(9_000);
    assert_eq!(pairs(piece.out()), []);
    piece.crash(2).watermark(10_000);
    assert_eq!(pairs(piece.out()), [(2, 4)]);
    piece.watermark(50_000);
    assert_eq!(pairs(piece.out()), [], "nothing has come since");

    let trigger = || Every::records(3).or(Every::processing_time(secs(10)));
    let mut piece = Harness::new(move |n| by_parity(n).global_window(trigger()).purging().aggregate("g", total()));
    piece.push(0, 1).pass(secs(10));
    assert_eq!(pairs(piece.out()), [(1, 1)]);
    piece.push(0, 3).push(0, 5).crash(2).push(0, 7);
    assert_eq!(pairs(piece.out()), [(3, 15)]);
    piece.pass(secs(20));
    assert_eq!(pairs(piece.out()), [], "the window that asked to be woken is gone");
}

/// Fires when the key has been quiet for a while in event time, and with a record of 100 at once.
struct Quiet(i64);

impl Trigger<u64> for Quiet {
    type State = Option<Timestamp>;

    fn on_record(&self, record: &u64, due: &mut Option<Timestamp>, moment: &mut Moment<'_>) -> Fire {
        let at = Timestamp(moment.time.map_or(0, |at| at.0) + self.0);
        *due = (*due).max(Some(at));
        moment.wake_at(at);
        if *record == 100 { Fire::EmitAndPurge } else { Fire::No }
    }

    fn on_wake(&self, due: &mut Option<Timestamp>, moment: &mut Moment<'_>) -> Fire {
        if due.is_some_and(|due| due <= moment.watermark) { Fire::EmitAndPurge } else { Fire::No }
    }

    fn needs_event_time(&self) -> bool {
        true
    }
}

#[test]
fn an_own_trigger_keeps_state_and_is_woken() {
    let mut piece = Harness::new(|n| n.key_by(|_| 0u64).global_window(Quiet(10)).aggregate("g", total()));
    piece.push(0, 1).push(6, 2).watermark(11);
    assert_eq!(pairs(piece.out()), [], "a record came meanwhile");
    assert_eq!(pairs(piece.crash(2).watermark(16).out()), [(2, 3)]);
    assert_eq!(pairs(piece.push(20, 4).push(21, 100).out()), [(2, 104)]);
    assert_eq!(pairs(piece.watermark(100).out()), []);
}

#[test]
fn a_trigger_in_event_time_without_event_time_is_refused() {
    let build = |job: &Job| -> Result<()> {
        let keyed = job.source("events", outside::<Event>()).key_by(|e| e.key);
        keyed.global_window(Every::event_time(secs(1))).aggregate("g", count()).sink("out", outside());
        Ok(())
    };
    let mistakes = graph(build).unwrap_err();
    assert!(mistakes.contains("event_time"), "{mistakes}");
}

/// With one split the order of a key's records is that of the input; the end of the input gives what is left, with and
/// without event time.
#[test]
fn they_are_exactly_once_wherever_they_are_killed() {
    let build = |job: &Job| -> Result<()> {
        let events = job.source("events", outside::<Event>());
        let plain = |e: &Event| e.key % 7;
        let number = || sum(|e: &Event| e.number);
        events.clone().key_by(plain).count_window(5).aggregate("counted", number()).sink("counted-out", outside());
        let sliding = events.clone().key_by(plain).count_window(6).every(4);
        sliding.aggregate("slid", number()).sink("slid-out", outside());
        let purging =
            events.clone().key_by(plain).global_window(When(|e: &Event, many| e.number.is_multiple_of(9) || many > 20));
        purging.purging().aggregate("purged", number()).sink("purged-out", outside());
        let timed = events.event_time(|e| e.at, Watermark::bounded(millis(50)));
        let accumulating = timed.key_by(plain).global_window(Every::records(10));
        accumulating.aggregate("all", (count(), number())).sink("all-out", outside());
        Ok(())
    };
    crash_test(build).feed("events", events(500)).splits(1).run();
}
