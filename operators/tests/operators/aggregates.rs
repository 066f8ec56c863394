//! Each aggregate keeps its laws: however the records are divided and in whatever order they are merged, also through bytes,
//! the result is that of adding them one by one.
use millstream_operators::aggregate::{
    Aggregate, argmax, argmin, collect, count, count_if, distinct, distinct_approx, max, mean, min, quantiles, sum,
    top_k,
};
use millstream_runtime::codec;
use millstream_runtime::run::Jitter;
use std::fmt::Debug;
use std::panic::catch_unwind;

type Record = (u64, String);

fn records(seed: u64, many: u64) -> Vec<Record> {
    let mut random = Jitter::new(seed);
    (0..many).map(|_| (random.below(50), format!("name {}", random.below(20)))).collect()
}

/// Divides records into parts, adds each up, passes some through bytes, and merges them in a random order.
fn merged<A: Aggregate<Record>>(aggregate: &A, records: &[Record], seed: u64) -> A::Acc {
    let mut random = Jitter::new(seed);
    let mut parts: Vec<A::Acc> = (0..=random.below(6)).map(|_| aggregate.init()).collect();
    for record in records {
        let part = random.below(parts.len() as u64) as usize;
        aggregate.add(&mut parts[part], record);
    }
    while parts.len() > 1 {
        let one = parts.swap_remove(random.below(parts.len() as u64) as usize);
        let one = if random.below(2) == 0 { codec::decode(&codec::encode(&one).unwrap()).unwrap() } else { one };
        let other = random.below(parts.len() as u64) as usize;
        aggregate.merge(&mut parts[other], one);
    }
    parts.remove(0)
}

fn keeps_its_laws<A: Aggregate<Record>>(aggregate: A)
where
    A::Out: Debug + PartialEq,
{
    for seed in 0..60 {
        let records = records(seed, [0, 1, 3, 40, 3000][seed as usize % 5]);
        let mut one_by_one = aggregate.init();
        records.iter().for_each(|record| aggregate.add(&mut one_by_one, record));
        let plain = aggregate.finish(&one_by_one);
        let divided = merged(&aggregate, &records, seed);
        assert_eq!(aggregate.finish(&divided), plain, "seed {seed}, {} records", records.len());
        codec::check_round_trip(&divided).unwrap();
    }
}

#[test]
fn merging_equals_adding() {
    keeps_its_laws((count(), count_if(|r: &Record| r.0 > 25), sum(|r: &Record| r.0)));
    keeps_its_laws((min(|r: &Record| r.0), max(|r: &Record| r.1.clone())));
    keeps_its_laws((distinct(|r: &Record| r.0), top_k(3, |r: &Record| r.1.clone())));
    keeps_its_laws((argmin(|r: &Record| r.0), argmax(|r: &Record| r.0), collect(|r: &Record| r.1.clone())));
    keeps_its_laws(distinct_approx(|r: &Record| r.0));
    keeps_its_laws(distinct_approx(|r: &Record| r.clone()).precision(6));
    keeps_its_laws(quantiles([0.0, 0.25, 0.5, 0.99, 1.0], |r: &Record| r.0 as f64 - 20.0));
}

#[test]
fn a_mean_of_many_parts_is_the_mean() {
    let (aggregate, records) = (mean(|r: &Record| r.0), records(1, 3000));
    let plain = records.iter().map(|r| r.0).sum::<u64>() as f64 / 3000.0;
    assert_eq!(aggregate.finish(&merged(&aggregate, &records, 5)), plain);
}

#[test]
fn approximate_counts_are_within_their_error() {
    let aggregate = distinct_approx(|n: &u64| *n);
    for many in [10u64, 1_000, 100_000] {
        let mut seen = aggregate.init();
        (0..many).chain(0..many / 2).for_each(|n| aggregate.add(&mut seen, &n));
        let off = aggregate.finish(&seen).abs_diff(many) as f64 / many as f64;
        assert!(off <= 4.0 * 1.04 / 64.0, "{many}: off by {off}"); // four standard errors
        let bytes = codec::encode(&seen).unwrap().len();
        assert!(bytes < 4096 + 100, "{many}: {bytes} bytes");
    }
}

#[test]
fn quantiles_are_within_one_percent() {
    let ranks = [0.01, 0.1, 0.5, 0.9, 0.999];
    let aggregate = quantiles(ranks, |n: &i64| *n as f64);
    let mut all = aggregate.init();
    (-50_000..150_000).for_each(|n| aggregate.add(&mut all, &n));
    for (rank, value) in ranks.iter().zip(aggregate.finish(&all)) {
        let (exact, value) = ((rank * 199_999.0).floor() - 50_000.0, value.unwrap());
        assert!((value - exact).abs() <= 0.0101 * exact.abs(), "rank {rank}: {value}, exactly {exact}");
    }
    let none = quantiles([0.5], |_: &i64| f64::NAN);
    let mut all = none.init();
    none.add(&mut all, &5);
    assert_eq!(none.finish(&all), [None], "what is not a number does not count");
}

#[test]
fn a_rank_beyond_one_is_refused() {
    let panic = catch_unwind(|| quantiles([0.5, 1.5], |n: &f64| *n)).err().unwrap();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("1.5 is no rank"), "{text}");
}

#[test]
fn of_equal_records_the_same_is_picked_whatever_came_first() {
    let aggregate = argmax(|r: &Record| r.0);
    let (a, b) = ((7, "a".to_string()), (7, "b".to_string()));
    for order in [[&a, &b], [&b, &a]] {
        let mut kept = aggregate.init();
        order.iter().for_each(|record| aggregate.add(&mut kept, record));
        assert_eq!(aggregate.finish(&kept), Some(a.clone()));
    }
}
