//! The yardstick: differential dataflow as one writes it by hand.
use crate::contents::{CHANGES, CHANGES_OF_ROWS, Pair, of_records, of_rows};
use crate::yardstick::{self, Share};
use differential_dataflow::{AsCollection, VecCollection};
use timely::dataflow::Scope;

type Changing<'s, D> = VecCollection<'s, u64, D, i64>;

fn read<'s>(share: &Share, scope: Scope<'s, u64>, count: u64, make: fn(u64) -> (Pair, i64)) -> Changing<'s, Pair> {
    let updates = share.of(scope, count, move |n, epoch| {
        let (record, by) = make(n);
        (record, epoch, by)
    });
    updates.as_collection()
}

fn records<'s>(share: &Share, scope: Scope<'s, u64>) -> Changing<'s, Pair> {
    read(share, scope, CHANGES, of_records)
}

pub fn reduce(workers: usize) -> f64 {
    yardstick::run(workers, |scope, share| {
        let greatest = records(share, scope).reduce(|_, values, out| {
            if let Some((value, _)) = values.last() {
                out.push((**value, 1_i64));
            }
        });
        let _ = greatest.consolidate().probe_with(&share.probe);
    })
}

pub fn top_k(workers: usize) -> f64 {
    yardstick::run(workers, |scope, share| {
        let greatest = records(share, scope).reduce(|_, values, out| {
            out.extend(values.iter().rev().take(3).map(|(value, times)| (**value, *times)));
        });
        let _ = greatest.consolidate().probe_with(&share.probe);
    })
}

pub fn distinct(workers: usize) -> f64 {
    yardstick::run(workers, |scope, share| {
        let kinds = records(share, scope).map(|(key, value)| (key, value % 4)).threshold(|_, n| i64::from(*n > 0));
        let _ = kinds.consolidate().probe_with(&share.probe);
    })
}

pub fn join(workers: usize) -> f64 {
    yardstick::run(workers, |scope, share| {
        let rows = read(share, scope, CHANGES_OF_ROWS, of_rows);
        let joined = records(share, scope).join_map(rows, |key, value, row| (*key, value ^ row));
        let _ = joined.consolidate().probe_with(&share.probe);
    })
}
