//! Step by step: at the end of each epoch out comes exactly what is different, also behind a crash.
use crate::model::{Multiset, Pair, Step, Told, expected, piece};
use millstream_collections::{ChangesToCollection, ToCollection};
use millstream_testkit::Harness;
use proptest::prelude::*;

/// What a step draws, and with how many workers the job goes on before it, if it crashes.
type Drawn = (Vec<(bool, Pair, bool)>, Option<usize>);

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    let change = (any::<bool>(), (0..5u32, 0..5u32), prop::bool::weighted(0.6));
    let crash = prop::option::weighted(0.3, prop::sample::select(vec![1, 2, 4]));
    prop::collection::vec((prop::collection::vec(change, 0..6), crash), 1..10)
}

/// The contents of both sides.
#[derive(Default)]
struct Contents {
    a: Multiset<Pair>,
    b: Multiset<Pair>,
}

impl Contents {
    /// Nothing is deleted that is not there: it is inserted instead.
    fn apply(&mut self, changes: Vec<(bool, Pair, bool)>) -> Step {
        let one = |(left, pair, insert): (bool, Pair, bool)| {
            let side = if left { &mut self.a } else { &mut self.b };
            let times = side.entry(pair).or_default();
            let by = if insert || *times == 0 { 1 } else { -1 };
            *times += by;
            side.retain(|_, times| *times != 0);
            (left, pair, by)
        };
        changes.into_iter().map(one).collect()
    }
}

/// What became different.
fn difference(before: &Multiset<(String, String)>, after: &Multiset<(String, String)>) -> Vec<Told> {
    let mut all = after.clone();
    before.iter().for_each(|(what, times)| *all.entry(what.clone()).or_default() -= times);
    all.into_iter().filter(|(_, by)| *by != 0).map(|((verb, record), by)| (verb, record, by)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn what_comes_out_is_what_a_plain_computation_finds_different(steps in drawn()) {
        let mut job = Harness::new(piece);
        let mut contents = Contents::default();
        let mut before = Multiset::new();
        for (changes, crash) in steps {
            if let Some(workers) = crash {
                job.crash(workers);
            }
            job.push(0, contents.apply(changes));
            let after = expected(&contents.a, &contents.b);
            prop_assert_eq!(sorted(job.out()), difference(&before, &after));
            before = after;
        }
    }
}

#[test]
fn equal_records_of_a_stream_are_there_as_often_as_they_came_also_behind_a_crash() {
    let mut job = Harness::new(|words: millstream_operators::Stream<String>| {
        words.to_collection("words").count().changes().map(|change| (change.value, change.weight))
    });
    let once = |word: &str, n: i64, weight: i64| ((word.to_string(), n), weight);
    job.push(0, "mill".into()).push(0, "mill".into());
    assert_eq!(job.out(), [once("mill", 1, 1), once("mill", 1, -1), once("mill", 2, 1)]);
    job.crash(3).push(0, "stream".into()).crash(2).push(0, "mill".into());
    assert_eq!(sorted(job.out()), [once("mill", 2, -1), once("mill", 3, 1), once("stream", 1, 1)]);
}

#[test]
fn a_changelog_makes_the_collection_again_that_it_is_of() {
    let mut job = Harness::new(|numbers: millstream_operators::Stream<u64>| {
        let first = numbers.to_collection("numbers").map(|n| n % 3).count().changes();
        first.changes_to_collection("counts").map(|(_, count)| count).changes().map(|c| (c.value, c.weight))
    });
    job.push(0, 1).push(0, 2).crash(2).push(0, 4);
    assert_eq!(sorted(job.out()), [(1, -1), (1, 1), (1, 1), (2, 1)]);
}

/// Workers emit their changes in no order between them.
fn sorted<T: Ord>(mut out: Vec<T>) -> Vec<T> {
    out.sort();
    out
}
