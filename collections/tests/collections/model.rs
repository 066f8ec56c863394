//! All verbs in one piece of a graph, and the same as plain computations over whole contents.
use millstream_collections::{Change, ChangesToCollection, Collection, Row};
use millstream_operators::Stream;
use std::collections::{BTreeMap, BTreeSet};

pub type Pair = (u32, u32);
/// A record with how often it is there.
pub type Multiset<T> = BTreeMap<T, i64>;
/// The verb, the record as text, and how much more often it is there.
pub type Told = (String, String, i64);

/// The changes of two collections that belong to one moment: on the left where the flag is set.
pub type Step = Vec<(bool, Pair, i64)>;

pub const HOPS: u64 = 2;

pub fn piece(steps: Stream<Step>) -> Stream<Told> {
    let all = steps.flat_map(|step| step);
    let side = |left: bool, uid: &str| {
        let mine = all.clone().filter(move |(is_left, ..)| *is_left == left);
        mine.map(|(_, value, weight)| Change { value, weight }).changes_to_collection(uid)
    };
    let (a, b) = (side(true, "a"), side(false, "b"));
    let told = [
        tell("join", a.clone().join(b.clone(), |k, v, w| (*k, *v, *w))),
        tell("semijoin", a.clone().semijoin(keys(&b))),
        tell("antijoin", a.clone().antijoin(keys(&b))),
        tell("reduce", a.clone().reduce(|_, values| [values.iter().map(|(v, n)| i64::from(**v) * n).sum::<i64>()])),
        tell("top_k", a.clone().top_k(2)),
        tell("count", keys(&a).count()),
        tell("distinct", a.clone().map(|(_, v)| v).distinct()),
        tell("minus", a.clone().concat(b.negate())),
        tell("flat_map", a.clone().filter(|(k, _)| k % 2 == 0).flat_map(|(k, v)| [k, v])),
        tell("reachable", reachable(a.clone(), 1000)),
        tell("hops", reachable(a, HOPS)),
    ];
    told.into_iter().reduce(Stream::union).expect("there are some")
}

fn keys(pairs: &Collection<Pair>) -> Collection<u32> {
    pairs.clone().map(|(k, _)| k)
}

/// Grows by one road in each round.
fn reachable(roads: Collection<Pair>, rounds: u64) -> Collection<Pair> {
    roads.clone().iterate(rounds, move |ways| {
        let ends = ways.clone().map(|(from, to)| (to, from));
        ends.join(roads, |_, from, to| (*from, *to)).concat(ways).distinct()
    })
}

fn tell<D: Row>(verb: &'static str, collection: Collection<D>) -> Stream<Told> {
    collection.changes().map(move |change| (verb.to_string(), format!("{:?}", change.value), change.weight))
}

/// What all verbs come to, by verb and record.
pub fn expected(a: &Multiset<Pair>, b: &Multiset<Pair>) -> Multiset<(String, String)> {
    let mut all = Multiset::new();
    let mut add = |verb: &str, record: String, times: i64| *all.entry((verb.to_string(), record)).or_default() += times;
    let in_b: BTreeSet<u32> = b.keys().map(|(k, _)| *k).collect();
    for ((k, v), n) in a {
        for ((_, w), m) in b.iter().filter(|((other, _), _)| other == k) {
            add("join", format!("{:?}", (k, v, w)), n * m);
        }
        add(if in_b.contains(k) { "semijoin" } else { "antijoin" }, format!("{:?}", (k, v)), *n);
        add("minus", format!("{:?}", (k, v)), *n);
        for one in [k, v].into_iter().filter(|_| k % 2 == 0) {
            add("flat_map", format!("{one:?}"), *n);
        }
    }
    b.iter().for_each(|(pair, n)| add("minus", format!("{pair:?}"), -n));
    for v in a.keys().map(|(_, v)| v).collect::<BTreeSet<_>>() {
        add("distinct", format!("{v:?}"), 1);
    }
    for k in a.keys().map(|(k, _)| *k).collect::<BTreeSet<_>>() {
        let values: Vec<u32> = a.range((k, 0)..=(k, u32::MAX)).flat_map(|((_, v), n)| vec![*v; *n as usize]).collect();
        add("reduce", format!("{:?}", (k, values.iter().map(|v| i64::from(*v)).sum::<i64>())), 1);
        add("count", format!("{:?}", (k, values.len())), 1);
        values.iter().rev().take(2).for_each(|v| add("top_k", format!("{:?}", (k, v)), 1));
    }
    ways(a, u64::MAX).for_each(|(way, n)| add("reachable", format!("{way:?}"), n));
    ways(a, HOPS).for_each(|(way, n)| add("hops", format!("{way:?}"), n));
    all.retain(|_, n| *n != 0);
    all
}

/// The ways of up to `rounds` roads beside the first.
fn ways(roads: &Multiset<Pair>, rounds: u64) -> impl Iterator<Item = (Pair, i64)> {
    let mut ways: BTreeSet<Pair> = roads.keys().copied().collect();
    for _ in 0..rounds {
        let longer = |(from, via): &Pair| {
            roads.range((*via, 0)..=(*via, u32::MAX)).map(|((_, to), _)| (*from, *to)).collect::<Vec<_>>()
        };
        let more: Vec<Pair> = ways.iter().flat_map(longer).filter(|way| !ways.contains(way)).collect();
        if more.is_empty() {
            break;
        }
        ways.extend(more);
    }
    ways.into_iter().map(|way| (way, 1))
}
