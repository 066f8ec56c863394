//! Whole jobs of windows give what a plain computation gives: any number of workers, any interleaving, also after a kill.
use crate::window_world::{Event, How, Outside, events, result, visible};
use millstream_operators::Job;
use millstream_operators::aggregate::{count, distinct, max, mean, sum, top_k};
use millstream_operators::window::{Session, Sliding, Tumbling};
use millstream_runtime::time::{Watermark, millis};
use std::collections::BTreeMap;

const BEHIND: u64 = 60;

type Summary = (u64, u64, Option<i64>, u64);

/// All kinds of windows, and windows of windows.
fn build(job: &Job) {
    let events = job.source("events", Outside).event_time(|e| e.at, Watermark::bounded(millis(BEHIND)));
    let keyed = || events.clone().key_by(|e| e.key.clone());
    let summary = || {
        let sum = sum(|e: &Event| e.number);
        (count(), sum, max(|e: &Event| e.at), distinct(|e: &Event| e.number % 5))
    };
    keyed().window(Tumbling::of(millis(100))).aggregate("tumbling", summary()).sink("tumbled", Outside);
    keyed().window(Sliding::of(millis(100), millis(40))).aggregate("sliding", summary()).sink("slid", Outside);
    keyed().window(Session::gap(millis(30))).aggregate("sessions", summary()).sink("sat", Outside);
    let folded = keyed().window(Tumbling::of(millis(70))).fold("fold", || 0u64, |sum, e| *sum += e.number);
    folded.clone().sink("folded", Outside);
    let totals = folded.key_by(|w| w.key.clone()).window(Tumbling::of(millis(700)));
    totals
        .aggregate("totals", (count(), sum(|w: &millstream_operators::window::Windowed<String, u64>| w.value)))
        .sink("totalled", Outside);
}

/// The results of windows that are known by their start and end.
#[derive(Default)]
struct Plain(BTreeMap<(String, i64, i64), Vec<Event>>);

impl Plain {
    fn aligned(events: &[Event], length: i64, slide: i64) -> Self {
        let mut all = Plain::default();
        for e in events {
            for start in (e.at - length + 1..=e.at).filter(|at| at.rem_euclid(slide) == 0) {
                all.0.entry((e.key.clone(), start, start + length)).or_default().push(e.clone());
            }
        }
        all
    }

    fn sessions(events: &[Event], gap: i64) -> Self {
        let mut of: BTreeMap<String, Vec<Event>> = BTreeMap::new();
        events.iter().for_each(|e| of.entry(e.key.clone()).or_default().push(e.clone()));
        let mut all = Plain::default();
        for (key, mut events) in of {
            events.sort_by_key(|e| e.at);
            for session in events.chunk_by(|a, b| b.at - a.at <= gap) {
                all.0.insert((key.clone(), session[0].at, session[session.len() - 1].at + gap), session.to_vec());
            }
        }
        all
    }

    fn lines<V: std::fmt::Debug>(&self, value: impl Fn(&[Event]) -> V) -> Vec<String> {
        let line = |((key, start, end), events): (&(String, i64, i64), &Vec<Event>)| {
            result(key, *start, *end, 0, &value(events))
        };
        let mut lines: Vec<String> = self.0.iter().map(line).collect();
        lines.sort();
        lines
    }
}

fn summary(events: &[Event]) -> Summary {
    let kinds: std::collections::BTreeSet<u64> = events.iter().map(|e| e.number % 5).collect();
    let sum = events.iter().map(|e| e.number).sum();
    (events.len() as u64, sum, events.iter().map(|e| e.at).max(), kinds.len() as u64)
}

fn total(events: &[Event]) -> u64 {
    events.iter().map(|e| e.number).sum()
}

fn compare(input: Vec<Event>, how: How) -> bool {
    let (visible, killed) = visible(build, input.clone(), how);
    let says = format!("seed {}, {} workers, {:?}", how.seed, how.workers, how.dies);
    assert_eq!(visible.results::<Summary>("tumbled"), Plain::aligned(&input, 100, 100).lines(summary), "{says}");
    assert_eq!(visible.results::<Summary>("slid"), Plain::aligned(&input, 100, 40).lines(summary), "{says}");
    assert_eq!(visible.results::<Summary>("sat"), Plain::sessions(&input, 30).lines(summary), "{says}");
    let folded = Plain::aligned(&input, 70, 70);
    assert_eq!(visible.results::<u64>("folded"), folded.lines(total), "{says}");
    let mut totals: BTreeMap<(String, i64), (u64, u64)> = BTreeMap::new();
    for ((key, start, _), events) in &folded.0 {
        let all = totals.entry((key.clone(), start.div_euclid(700) * 700)).or_default();
        *all = (all.0 + 1, all.1 + total(events));
    }
    let mut totals: Vec<_> = totals.iter().map(|((k, start), v)| result(k, *start, start + 700, 0, v)).collect();
    totals.sort();
    assert_eq!(visible.results::<(u64, u64)>("totalled"), totals, "{says}");
    killed
}

#[test]
fn all_windows_are_those_of_a_plain_computation() {
    for seed in 0..9 {
        let workers = [1, 2, 4][seed as usize % 3];
        compare(events(seed, 1500, BEHIND), How { workers, seed, dies: None });
    }
}

#[test]
fn a_kill_changes_nothing() {
    let mut killed = 0;
    for seed in 0..12 {
        let workers = [2, 1, 4][seed as usize % 3];
        let place = ["manifest.before", "manifest.after", "commit.before", "prepare.after"][seed as usize % 4];
        let dies = Some((place, 2 + seed / 4));
        killed += u64::from(compare(events(seed, 2500, BEHIND), How { workers, seed, dies }));
    }
    assert!(killed >= 8, "only {killed} of 12 runs were killed");
}

#[test]
fn without_records_there_is_no_window() {
    compare(vec![], How { workers: 2, seed: 1, dies: None });
}

#[test]
fn averages_and_favourites() {
    fn build(job: &Job) {
        let events = job.source("events", Outside).event_time(|e| e.at, Watermark::ascending());
        let both = (mean(|e: &Event| e.number), top_k(2, |e: &Event| e.number % 10));
        events
            .key_by(|_| "all".to_string())
            .window(Tumbling::of(millis(1000)))
            .aggregate("both", both)
            .sink("out", Outside);
    }
    let numbers = [1, 2, 3, 13, 12, 23, 7, 11];
    let input = numbers.map(|number| Event { key: String::new(), at: 5, number }).to_vec();
    let (visible, _) = visible(build, input, How { workers: 2, seed: 3, dies: None });
    let both: (f64, Vec<(u64, u64)>) = (9.0, vec![(3, 3), (1, 2)]);
    assert_eq!(visible.results::<(f64, Vec<(u64, u64)>)>("out"), [result("all", 0, 1000, 0, &both)]);
}

/// So many that windows fire in many turns, and that combining gives up, since each record has a key of its own.
#[test]
fn many_keys_in_one_window() {
    fn build(job: &Job) {
        let events = job.source("events", Outside).event_time(|e| e.at, Watermark::ascending());
        let single = events.clone().key_by(|e| e.key.clone()).window(Tumbling::of(millis(1000)));
        single.aggregate("single", sum(|e: &Event| e.number)).sink("out", Outside);
        let few = events.key_by(|e| e.number % 3).window(Tumbling::of(millis(1000)));
        few.aggregate("few", count()).map(|w| (w.key, w.value)).sink("few-out", Outside);
    }
    let all = 0..20_000u64;
    let input = all.clone().map(|number| Event { key: format!("{number:05}"), at: 7, number }).collect();
    let (visible, _) = visible(build, input, How { workers: 2, seed: 4, dies: None });
    let expected: Vec<String> = all.map(|number| result(&format!("{number:05}"), 0, 1000, 0, &number)).collect();
    assert!(visible.results::<u64>("out") == expected);
    let mut few = visible.all::<(u64, u64)>("few-out");
    few.sort();
    assert_eq!(few, [(0, 6667), (1, 6667), (2, 6666)]);
}
