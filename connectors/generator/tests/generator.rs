//! What the generators promise.
#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]
use millstream_formats::{CombinedLog, Decode, Hit};
use millstream_generator::{Generate, Traffic, generate};
use millstream_runtime::batch::Batch;
use millstream_runtime::codec::hash_bytes;
use millstream_runtime::data::Bytes;
use millstream_runtime::source::{ItemOf, OffsetOf, Progress, Reader, Received, Source, Splits};
use millstream_runtime::time::Timestamp;
use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, Instant};

fn splits<S: Source<Split = u32>>(source: &mut S) -> Vec<u32> {
    match source.splits().unwrap() {
        Splits::Fixed(found) => found.into_iter().map(|f| f.split).collect(),
        Splits::Growing(_) => panic!("the splits are fixed"),
    }
}

/// All that a split has from an offset on.
fn rest<S: Source<Split = u32>>(source: &S, split: u32, from: Option<OffsetOf<S>>) -> Vec<ItemOf<S>> {
    let mut reader = source.open(&split, from).unwrap();
    let mut all = vec![];
    loop {
        let mut batch = Batch::default();
        let progress = reader.read(&mut batch).unwrap();
        all.extend(batch.drain());
        if progress == Progress::Ended {
            return all;
        }
    }
}

/// Lines in the order of their numbers.
fn lines(records: u64, seed: u64) -> Vec<Received<Bytes>> {
    let mut traffic = Traffic::new(records, seed);
    let mut all: Vec<_> = splits(&mut traffic).into_iter().flat_map(|s| rest(&traffic, s, None)).collect();
    all.sort_by_key(|line| line.meta.offset);
    all
}

fn hit(line: &Received<Bytes>) -> Result<Hit, String> {
    CombinedLog.decode(&line.value)
}

#[test]
fn there_are_as_many_lines_as_asked_for_and_the_seed_is_all_that_counts() {
    for records in [0, 1, 7, 8, 9, 5000] {
        assert_eq!(lines(records, 3).len() as u64, records);
    }
    let numbers: Vec<_> = lines(5000, 3).iter().map(|l| l.meta.offset).collect();
    assert_eq!(numbers, (0..5000).collect::<Vec<_>>());
    assert_eq!(lines(5000, 3), lines(5000, 3));
    assert_eq!(lines(2000, 3), lines(5000, 3)[..2000]);
    assert_ne!(lines(2000, 3), lines(2000, 4));
}

/// The lines of a seed are what users compare runs by: they do not change from one version to the next.
#[test]
fn the_lines_of_a_seed_are_frozen() {
    let lines = lines(30_000, 1);
    let first = String::from_utf8_lossy(&lines[0].value);
    assert!(
        first.starts_with("5.101.183.117 - - [17/May/2015:10:00:22 +0000] \"POST /favicon.ico HTTP/1.1\" 200 122 "),
        "{first}"
    );
    let all = lines.iter().map(|l| l.value.as_slice()).collect::<Vec<_>>().join(&b'\n');
    assert_eq!(hash_bytes(&all), 15_588_330_927_997_305_293);
}

#[test]
fn the_traffic_is_what_it_says() {
    let lines = lines(200_000, 7);
    let hits: Vec<_> = lines.iter().filter_map(|line| Some((line.meta.offset, hit(line).ok()?))).collect();
    let broken = lines.len() - hits.len();
    assert!((5..50).contains(&broken), "{broken} broken lines");
    let start: Timestamp = "2015-05-17T10:00:00Z".parse().unwrap();
    for (n, hit) in &hits {
        let behind = hit.at.0 - start.0 - (n / 10 * 1000) as i64;
        assert!((0..30_000).contains(&behind), "line {n} at {}", hit.at);
    }
    let clients: HashSet<_> = hits.iter().map(|(_, h)| &h.client).collect();
    let paths: HashSet<_> = hits.iter().map(|(_, h)| &h.path).collect();
    assert!((3000..=5000).contains(&clients.len()), "{} clients", clients.len());
    assert!((300..=400).contains(&paths.len()), "{} paths", paths.len());
    assert!(paths.iter().all(|p| !p.contains('?')));
    let rows: HashSet<_> = hits.iter().map(|(_, h)| (h.at.floor(Duration::from_secs(60)), &h.path)).collect();
    assert!(rows.len() > 1000, "{} rows", rows.len());
    let first = hits.iter().filter(|(_, h)| h.path == "/").count();
    assert!((0.10..0.20).contains(&(first as f64 / hits.len() as f64)), "{first} of the first path");
    let statuses: BTreeSet<_> = hits.iter().map(|(_, h)| h.status).collect();
    assert_eq!(statuses.into_iter().collect::<Vec<_>>(), [200, 301, 304, 404, 500]);
    assert!(hits.iter().any(|(_, h)| h.bytes == 0) && hits.iter().any(|(_, h)| h.bytes > 10_000));
}

#[test]
fn every_offset_gives_what_followed() {
    let traffic = Traffic::new(2000, 1);
    let mut reader = traffic.open(&5, None).unwrap();
    let whole = rest(&traffic, 5, None);
    let mut taken = 0;
    loop {
        let mut batch = Batch::default();
        let progress = reader.read(&mut batch).unwrap();
        taken += batch.len();
        assert_eq!(rest(&traffic, 5, Some(reader.offset())), whole[taken..]);
        if progress == Progress::Ended {
            break;
        }
    }
    assert_eq!(taken, 250);
}

#[test]
fn a_split_whose_next_record_is_not_due_holds_the_watermark_back() {
    let mut reader = generate(10, |n| n).splits(2).rate(1).open(&1, None).unwrap();
    assert_eq!(reader.read(&mut Batch::default()).unwrap(), Progress::Waiting);
}

#[test]
fn a_rate_is_kept_and_its_waiting_is_idle() {
    let traffic = Traffic::new(1_000_000, 1).rate(80_000);
    let (opened, mut count, mut idle) = (Instant::now(), 0, 0);
    let mut reader = traffic.open(&0, None).unwrap();
    while count < 1000 {
        let mut batch = Batch::default();
        idle += usize::from(reader.read(&mut batch).unwrap() == Progress::Idle);
        count += batch.len();
        let most = (opened.elapsed().as_secs_f64() * 10_000.0) as usize + 1;
        assert!(count <= most, "{count} of at most {most}");
        assert!(opened.elapsed() < Duration::from_secs(5), "{count} after five seconds");
    }
    assert!(idle > 0);
}

#[test]
fn anything_can_be_generated() {
    let mut squares: Generate<u64, _> = generate(100, |n| n * n).splits(3);
    assert_eq!(splits(&mut squares), [0, 1, 2]);
    assert_eq!(rest(&squares, 2, Some(31)), [95 * 95, 98 * 98]);
    let copy = squares.clone();
    let mut all: Vec<_> = (0..3).flat_map(|s| rest(&copy, s, None)).collect();
    all.sort_unstable();
    assert_eq!(all, (0..100).map(|n| n * n).collect::<Vec<_>>());
    assert!(squares.open(&3, None).err().unwrap().to_string().contains("split 3 of 3"));
}

#[test]
fn flags_say_what_to_make() {
    #[derive(clap::Parser)]
    struct Flags {
        #[command(flatten)]
        traffic: Traffic,
    }
    let parse = |flags: &[&str]| <Flags as clap::Parser>::try_parse_from([&["job"], flags].concat()).map(|f| f.traffic);
    let traffic = parse(&["--records", "5", "--seed", "7", "--rate", "9"]).unwrap();
    assert_eq!((traffic.records, traffic.seed, traffic.rate), (5, 7, Some(9)));
    let traffic = parse(&[]).unwrap();
    assert_eq!((traffic.records, traffic.seed, traffic.rate), (1_000_000, 1, None));
    assert!(parse(&["--records", "many"]).is_err());
}
