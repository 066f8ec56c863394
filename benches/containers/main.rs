//! `cargo bench --bench containers`: what a record costs on its way through an exchange, as rows and as columns.
//!
//! Rows are what Millstream has: a `Vec` that moves between threads as it is, and that is encoded between processes. Columns
//! are those of the crate `columnar`, which timely can carry. Operators take their records by value, so columns are measured
//! twice: read by reference, as a hand-written dataflow may, and made into records again, as closures of a job need them.
//! Nanoseconds for each record, the least of some runs; `docs/containers.md` says what follows.
mod records;

use columnar::bytes::stash::Stash;
use columnar::{Columnar, Index, Push, Ref};
use millstream::runtime::codec;
use records::{Bid, Pair, Record, Word};
use std::hint::black_box;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Records of a batch, and batches of a run.
const BATCH: u64 = 1024;
const BATCHES: u64 = 2_000;
const RUNS: usize = 5;

fn main() {
    println!("| ns a record | rows | columns, by reference | columns, by value |\n|---|---|---|---|");
    lines::<Pair>("(u64, u64)");
    lines::<Bid>("five u64");
    lines::<Word>("a text of 21 bytes and an i64");
}

fn lines<R: Record>(what: &str) {
    let threads = [time(rows::<R>), time(columns::<R, ByReference>), time(columns::<R, ByValue>)];
    line(&format!("{what}: between threads"), threads);
    let processes =
        [time(rows_encoded::<R>), time(columns_encoded::<R, ByReference>), time(columns_encoded::<R, ByValue>)];
    line(&format!("{what}: between processes"), processes);
}

fn line(what: &str, [rows, by_reference, by_value]: [f64; 3]) {
    println!("| {what} | {rows:.1} | {by_reference:.1} | {by_value:.1} |");
}

/// Nanoseconds for each record.
fn time(run: fn(u64) -> u64) -> f64 {
    let once = |_| {
        let began = Instant::now();
        black_box((0..BATCHES).map(|batch| run(batch * BATCH)).fold(0, u64::wrapping_add));
        began.elapsed().as_secs_f64()
    };
    (0..RUNS).map(once).fold(f64::MAX, f64::min) * 1e9 / (BATCHES * BATCH) as f64
}

fn batch<R: Record>(from: u64) -> impl Iterator<Item = R> {
    (from..from + BATCH).map(R::nth)
}

fn weigh_all<R: Record>(records: Vec<R>) -> u64 {
    records.into_iter().map(|record| record.weigh()).fold(0, u64::wrapping_add)
}

fn rows<R: Record>(from: u64) -> u64 {
    weigh_all(black_box(batch::<R>(from).collect()))
}

fn rows_encoded<R: Record>(from: u64) -> u64 {
    let sent = codec::encode(&batch::<R>(from).collect::<Vec<_>>()).expect("it can be encoded");
    weigh_all(codec::decode::<Vec<R>>(&black_box(sent)).expect("it was encoded"))
}

/// How an operator reads columns.
trait Reads<R: Record> {
    fn weigh(record: Ref<'_, R>) -> u64;
}

struct ByReference;
impl<R: Record> Reads<R> for ByReference {
    fn weigh(record: Ref<'_, R>) -> u64 {
        R::weigh_ref(record)
    }
}

struct ByValue;
impl<R: Record> Reads<R> for ByValue {
    fn weigh(record: Ref<'_, R>) -> u64 {
        R::into_owned(record).weigh()
    }
}

type Columns<R> = Stash<<R as Columnar>::Container, Vec<u8>>;

fn filled<R: Record>(from: u64) -> Columns<R> {
    let mut columns = <R as Columnar>::Container::default();
    batch::<R>(from).for_each(|record| columns.push(&record));
    Stash::Typed(columns)
}

fn weigh_columns<R: Record, W: Reads<R>>(columns: &Columns<R>) -> u64 {
    columns.borrow().into_index_iter().map(W::weigh).fold(0, u64::wrapping_add)
}

fn columns<R: Record, W: Reads<R>>(from: u64) -> u64 {
    weigh_columns::<R, W>(&black_box(filled::<R>(from)))
}

fn columns_encoded<R: Record, W: Reads<R>>(from: u64) -> u64 {
    let columns = filled::<R>(from);
    let mut sent = Vec::with_capacity(columns.length_in_bytes());
    columns.write_bytes(&mut sent).expect("a Vec takes everything");
    weigh_columns::<R, W>(&Stash::try_from_bytes(black_box(sent)).expect("it was encoded"))
}
