//! The same work as Millstream jobs, through the public API.
use crate::contents::{CHANGES, CHANGES_OF_ROWS, Pair, of_records, of_rows};
use crate::forget::Forget;
use millstream::connectors::generate;
use millstream::job::Job;
use millstream_collections::{Change, ChangesToCollection, Collection, Row};

fn read(job: &Job, uid: &str, count: u64, make: fn(u64) -> (Pair, i64)) -> Collection<Pair> {
    let changes = generate(count, move |n| {
        let (value, weight) = make(n);
        Change { value, weight }
    });
    job.source(uid, changes.splits(4)).changes_to_collection(&format!("kept {uid}"))
}

fn records(job: &Job) -> Collection<Pair> {
    read(job, "records", CHANGES, of_records)
}

fn end<D: Row>(collection: Collection<D>) {
    collection.changes().sink("out", Forget);
}

pub fn reduce(job: &Job) {
    end(records(job).reduce(|_, values| values.last().map(|(value, _)| **value)));
}

pub fn top_k(job: &Job) {
    end(records(job).top_k(3));
}

pub fn distinct(job: &Job) {
    end(records(job).map(|(key, value)| (key, value % 4)).distinct());
}

pub fn join(job: &Job) {
    let rows = read(job, "rows", CHANGES_OF_ROWS, of_rows);
    end(records(job).join(rows, |key, value, row| (*key, value ^ row)));
}
