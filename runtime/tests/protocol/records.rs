//! The records of the test, and what the job makes of them when nothing ever fails.
use millstream_runtime::run::mix;
use std::collections::BTreeMap;

/// Kind, key, event time, value, id.
pub type Rec = (u8, u64, u64, u64, u64);

pub const DIRECT: u8 = 0;
pub const VIA: u8 = 1;
pub const SIDE: u8 = 2;
/// From here on: results.
pub const ANSWER: u8 = 3;
pub const COUNT_A: u8 = 4;
pub const COUNT_B: u8 = 5;
pub const WINDOW: u8 = 6;
pub const FINAL: u8 = 7;

/// How many splits each source has.
pub const SPLITS: [u64; 2] = [7, 2];
/// From this one on the splits of the first source appear one after the other while the job runs.
pub const APPEARING: u64 = 5;
/// What the records of a split that appears are later than those of all splits before it, ms.
const LATER: u64 = 10_000;

/// The splits that must have ended before one of the first source starts.
pub fn parents(split: u64) -> &'static [u64] {
    match split {
        3 => &[1],
        4 => &[0, 1],
        _ => &[],
    }
}
/// So far behind the largest event time of its split a record is at most, ms.
pub const DISORDER: u64 = 50;
pub const WINDOW_MS: u64 = 100;

/// Split 1 of the first source, those that appear, and all of the second end early.
pub fn len(source: u64, split: u64) -> u64 {
    match (source, split) {
        (0, 1 | APPEARING..) => 60,
        (0, _) => 130 + split * 17,
        _ => 40,
    }
}

pub fn record(source: u64, split: u64, i: u64) -> Rec {
    let id = (source << 40) | (split << 20) | i;
    let h = mix(id + 1);
    let kind = if source == 0 { DIRECT } else { SIDE };
    let base = if source == 0 { LATER * (split + 1).saturating_sub(APPEARING) } else { 0 };
    (kind, h % 23, base + i * 10 + (h >> 20) % DISORDER, (h >> 40) % 100, id)
}

pub fn key_a(r: &Rec) -> u64 {
    mix(r.4 ^ 77) % 31 + 1000
}

pub fn key_b(r: &Rec) -> u64 {
    r.1
}

/// Whether the delaying operator calls for it, and what the world answers.
pub fn answer(r: &Rec) -> Option<Rec> {
    r.4.is_multiple_of(5).then_some((ANSWER, r.1, r.2, r.3 * 2, r.4))
}

/// All results of the job without event time, sorted: answers are asked for again.
pub fn plain_untimed() -> Vec<Rec> {
    let again = |r: Rec| if r.0 == ANSWER { (r.0, r.1, r.2, r.3 * 2, r.4) } else { r };
    let mut out: Vec<Rec> = plain().into_iter().filter(|r| matches!(r.0, ANSWER | COUNT_A)).map(again).collect();
    out.sort_unstable();
    out
}

/// All results, sorted.
pub fn plain() -> Vec<Rec> {
    let splits = (0..2).flat_map(|source| (0..SPLITS[source as usize]).map(move |split| (source, split)));
    let all = splits.flat_map(|(source, split)| (0..len(source, split)).map(move |i| record(source, split, i)));
    let (mut a, mut b) = (BTreeMap::<u64, u64>::new(), BTreeMap::<u64, (u64, u64)>::new());
    let (mut windows, mut out) = (BTreeMap::<(u64, u64), (u64, u64)>::new(), vec![]);
    for r in all {
        let mut into_window = |value: u64| {
            let sum = windows.entry((r.1, r.2 / WINDOW_MS * WINDOW_MS)).or_default();
            *sum = (sum.0 + 1, sum.1 + value);
        };
        into_window(r.3);
        if r.0 != DIRECT {
            continue;
        }
        if let Some(answer) = answer(&r) {
            into_window(answer.3);
            out.push(answer);
        }
        let count = a.entry(key_a(&r)).or_default();
        *count += 1;
        if count.is_multiple_of(10) {
            out.push((COUNT_A, key_a(&r), 0, *count, 0));
        }
        let sum = b.entry(r.1).or_default();
        *sum = (sum.0 + 1, sum.1.wrapping_add(mix(r.4)));
        if sum.0.is_multiple_of(10) {
            out.push((COUNT_B, r.1, 0, sum.0, 0));
        }
    }
    out.extend(b.iter().map(|(key, sum)| (FINAL, *key, sum.1, sum.0, sum.1)));
    out.extend(windows.iter().map(|((key, start), sum)| (WINDOW, *key, *start, sum.1, sum.0)));
    out.sort_unstable();
    out
}
