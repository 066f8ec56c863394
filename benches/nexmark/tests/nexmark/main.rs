//! All queries against plain loops: with 1, 2 and 4 workers, with checkpoints, and through crashes.
use millstream::job::launch;
use millstream::prelude::{Job, Watermark, generate};
use millstream::runtime::run::failpoint::Failpoint;
use millstream::runtime::run::{Options, Outcome, Pace, Restarts, RunError};
use millstream::time::Timestamp;
use nexmark_queries::delays::Lateness;
use nexmark_queries::events::{BASE, Event};
use nexmark_queries::hand;
use nexmark_queries::queries::{QUERIES, Query, Variant, named};
use nexmark_queries::row::Total;
use nexmark_queries::run::{Load, reference};
use nexmark_queries::tally::Tally;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// 40 s of event time, as these tests have it.
const EVENTS: u64 = 40_000;
/// Two seconds: long enough to be killed in the middle, also where checkpoints are slow.
const RATE: u64 = 20_000;

#[test]
fn the_events_are_those_of_the_definition() {
    let q0 = named("q0").unwrap();
    let total = reference(q0, &Load { events: 1_000_000, ..Load::default() });
    assert_eq!((total.rows, total.checksum), (1_000_000, 0x4677_c96d_89a9_0ba6));
}

#[test]
fn a_time_stands_for_its_first_event() {
    let lateness = Lateness::at_rate(1_000_000);
    assert_eq!(lateness.generated(Timestamp(BASE as i64 + 30)), 3_000_000);
    assert_eq!(lateness.generated(Timestamp::MAX), u64::MAX);
    assert_eq!(lateness.quantile(0.5), None);
}

#[test]
fn what_is_written_by_hand_in_timely_gives_the_same() {
    let load = Load { events: 1_300_000, ..Load::default() };
    for (query, hand) in QUERIES.iter().filter_map(|query| Some((query, hand::named(query.name)?))) {
        assert_eq!(hand::run(hand, &load, 2), reference(query, &load), "{}", query.name);
    }
}

/// Each query beside the others in one job, on events whose time goes a hundred times as fast.
#[test]
fn every_query_gives_what_its_loop_does_for_any_number_of_workers_and_through_a_crash() {
    let expected: BTreeMap<&str, Total> = QUERIES.iter().map(|query| (query.name, expected(query))).collect();
    for (workers, place, then) in [(1, "write.after", 2), (2, "manifest.after", 4), (4, "committed.before", 1)] {
        let world = World::default();
        let killed = world.run(workers, Some(Failpoint::new(place, 3)));
        assert!(matches!(killed, Err(RunError::Killed(_))), "{place}: {killed:?}");
        let half = world.tallies["q0"].total().rows;
        assert!((1..EVENTS as i64).contains(&half), "killed in the middle: {half}");
        world.run(then, None).unwrap();
        let found: BTreeMap<&str, Total> = world.tallies.iter().map(|(name, tally)| (*name, tally.total())).collect();
        assert_eq!(found, expected, "{workers} workers, killed at {place}, then {then}");
    }
}

/// So many times as fast.
const FASTER: u64 = 100;

fn faster(mut event: Event) -> Event {
    let later = |ts: &mut u64| *ts = BASE + (*ts - BASE) * FASTER;
    match &mut event {
        Event::Person(person) => later(&mut person.ts),
        Event::Bid(bid) => later(&mut bid.ts),
        Event::Auction(auction) => {
            later(&mut auction.ts);
            later(&mut auction.expires);
        }
    }
    event
}

fn expected(query: &Query) -> Total {
    match query.variant {
        Variant::Plain(_, plain) => plain(&mut (0..EVENTS).map(Event::nth).map(faster)),
        Variant::Full(_, plain) => plain(&mut (0..EVENTS).map(Event::nth)),
    }
}

/// The state, and what was committed, of a run that may die.
struct World {
    folder: tempfile::TempDir,
    tallies: BTreeMap<&'static str, Tally>,
}

impl Default for World {
    fn default() -> Self {
        // Not about the disk.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder can be made");
        Self { folder, tallies: QUERIES.iter().map(|query| (query.name, Tally::default())).collect() }
    }
}

impl World {
    fn run(&self, workers: usize, failpoint: Option<Arc<Failpoint>>) -> Result<Outcome, RunError> {
        let mut options = Options::new("nexmark", self.folder.path().to_string_lossy());
        options.workers = workers;
        options.failpoint = failpoint;
        options.restarts = Restarts { attempts: 0, backoff: Duration::ZERO };
        options.pace =
            Pace { slice: Duration::from_millis(2), interval: Some(Duration::from_millis(20)), ..Pace::default() };
        let tallies = self.tallies.clone();
        launch(&options, move |job| {
            draw_all(job, &tallies);
            Ok(())
        })
    }
}

fn draw_all(job: &Job, tallies: &BTreeMap<&'static str, Tally>) {
    let plain = job.source("plain", generate(EVENTS, |n| faster(Event::nth(n))).splits(4).rate(RATE));
    let plain = plain.event_time(Event::ts, Watermark::ascending());
    let full = job.source("full", generate(EVENTS, Event::nth).splits(4).rate(RATE));
    for query in QUERIES {
        let rows = match query.variant {
            Variant::Plain(graph, _) => graph(plain.clone()),
            Variant::Full(graph, _) => graph(full.clone()),
        };
        rows.sink(query.name, tallies[query.name].clone());
    }
}
