//! Exactly once, wherever the job is killed, with any number of workers, state in memory and on disk.
use millstream_collections::{Change, ChangesToCollection, ToCollection};
use millstream_operators::aggregate::sum;
use millstream_operators::{Job, Result};
use millstream_testkit::{crash_test, outside};

type Pair = (u32, u32);

/// How changes are spread over epochs differs from run to run. So one sink has what they add up to, and one what a
/// join of records that only come emits: each pair once.
fn build(job: &Job) -> Result<()> {
    let roads = job.source("roads", outside::<Change<Pair>>()).changes_to_collection("open roads");
    let reachable = roads.clone().iterate(100, move |ways| {
        let ends = ways.clone().map(|(from, to)| (to, from));
        ends.join(roads.clone(), |_, from, to| (*from, *to)).concat(ways).concat(roads).distinct()
    });
    let by_place =
        reachable.clone().map(|(from, _)| from).count().concat(reachable.top_k(2).map(|(k, v)| (k, v.into())));
    let totals = by_place.changes().key_by(|change| change.value).count_window(u64::MAX);
    let totals = totals.aggregate("totals", sum(|change: &Change<(u32, i64)>| change.weight));
    totals.filter(|total| total.value != 0).map(|total| (total.key, total.value)).sink("reached", outside());

    let numbers = job.source("numbers", outside::<Pair>()).to_collection("kept numbers");
    let pairs = numbers.clone().join(numbers, |key, a, b| (*key, *a, *b));
    pairs.filter(|(_, a, b)| a < b).changes().sink("pairs", outside());
    Ok(())
}

/// Roads are opened; every third is closed again.
fn roads(count: u32) -> impl Iterator<Item = Change<Pair>> {
    (0..count).flat_map(|n| {
        let road = (n * 7 % 9, n * 5 % 11);
        let closed = (n % 3 == 0).then(|| Change::delete(road));
        [Change::insert(road)].into_iter().chain(closed)
    })
}

#[test]
fn joins_loops_and_aggregates_are_exactly_once_wherever_they_are_killed() {
    crash_test(build).feed("roads", roads(60)).feed("numbers", (0..80u32).map(|n| (n % 7, n))).run();
}
