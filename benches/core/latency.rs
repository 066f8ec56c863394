//! How late output is, at half the rate that the same job reaches when nothing holds it back.
use crate::load::{Due, Load};
use crate::meter::{Delays, Meter};
use crate::records;
use crate::{ours, table};
use millstream::prelude::*;
use millstream::runtime::run::{Pace, mix};

/// So many records, to learn the full rate; and so many seconds at half of it.
const TO_LEARN: u64 = 20_000_000;
const SECONDS: u64 = 8;

/// Keys of the jobs with windows and timers, and how long their windows are.
const TIMED_KEYS: u64 = 10_000;
const WINDOW: u64 = 100;

type Draw = fn(&Job, Load, &Meter);

/// The lines of latency.
pub fn lines() {
    eager();
    for workers in [1, 2] {
        timed(&format!("window: behind its end, {workers} worker(s): longest"), workers, windows);
        timed(&format!("timer: behind its time, {workers} worker(s): longest"), workers, timers);
    }
    snapshots();
}

fn eager() {
    let what = "eager keyed count, 2 workers: p99";
    if table::is_asked_for(what) {
        let delays = at_half_load(2, None, records::number, count);
        table::most(what, delays.quantile(0.99), 5.0, "ms", &said(&delays));
    }
}

/// In slices, the longest.
fn timed(what: &str, workers: usize, draw: Draw) {
    if table::is_asked_for(what) {
        let delays = at_half_load(workers, Some(secs(1)), |n| mix(n) % TIMED_KEYS, draw);
        let slice = Pace::default().slice.as_secs_f64() * 1e3;
        table::most(what, delays.longest() / slice, 4.0, "epochs", &said(&delays));
    }
}

/// With a checkpoint each second, and without.
fn snapshots() {
    for (what, workers, key) in [
        ("snapshots of 100 k of 1 M keys, 1 worker: longest", 1, records::warm as fn(u64) -> u64),
        ("snapshots of 100 k of 1 M keys, 2 workers: longest", 2, records::warm),
        ("snapshots of all of 1 M keys, 2 workers: longest", 2, records::number),
    ] {
        if table::is_asked_for(what) {
            let [without, with] = [None, Some(secs(1))].map(|interval| at_half_load(workers, interval, key, count));
            let note = format!("{}; without: {}", said(&with), said(&without));
            table::most(what, with.longest(), 50.0, "ms", &note);
        }
    }
}

fn said(delays: &Delays) -> String {
    let (half, most, longest) = (delays.quantile(0.5), delays.quantile(0.99), delays.longest());
    format!("p50 {half:.1}, p99 {most:.1}, max {longest:.1} ms")
}

fn at_half_load(workers: usize, interval: Option<Duration>, key: fn(u64) -> u64, draw: Draw) -> Delays {
    let run = |count, a_second| {
        let meter = Meter::default();
        let load = Load { began: meter.began.clone(), count, a_second, key };
        let to = meter.clone();
        let (seconds, _) = ours::run(workers, interval, move |job| draw(job, load.clone(), &to));
        (seconds, meter.delays())
    };
    let (seconds, _) = run(TO_LEARN, None);
    let half = (TO_LEARN as f64 / seconds / 2.0) as u64;
    run(half * SECONDS, Some(half)).1
}

fn count(job: &Job, load: Load, meter: &Meter) {
    let counted =
        job.source("load", load).key_by(|due| due.key).process_fn("count", |key, count: &mut u64, event, out| {
            if let Event::Record(due) = event {
                *count += 1;
                out.emit((*key, *count, due.at));
            }
        });
    counted.sink("meter", meter.of(|(_, _, at): &(u64, u64, u64)| *at));
}

/// Event time is when a record was due, so a window's end passes the source when the clock does.
fn timed_load(job: &Job, load: Load) -> Stream<Due> {
    job.source("load", load).event_time(|due| due.at / 1_000_000, Watermark::ascending())
}

fn windows(job: &Job, load: Load, meter: &Meter) {
    let windows = timed_load(job, load).key_by(|due| due.key).window(Tumbling::of(millis(WINDOW)));
    let ends = windows.aggregate("count", millstream::aggregate::count());
    ends.sink("meter", meter.of(|row: &Windowed<u64, u64>| row.end.0 as u64 * 1_000_000));
}

fn timers(job: &Job, load: Load, meter: &Meter) {
    let fired =
        timed_load(job, load).key_by(|due| due.key).process_fn(
            "timers",
            |_, is_set: &mut bool, event, out| match event {
                Event::Record(_) if *is_set => {}
                Event::Record(due) => {
                    *is_set = true;
                    out.timer_at((due.at / 1_000_000 / WINDOW + 1) * WINDOW);
                }
                Event::Timer(at) => {
                    *is_set = false;
                    out.emit(at.0);
                }
            },
        );
    fired.sink("meter", meter.of(|at: &i64| *at as u64 * 1_000_000));
}
