//! What the collections have: so many records, each replaced by another one again and again. A function of a number.
use millstream::runtime::run::mix;

/// Records that are there at once, once all have come.
pub const RECORDS: u64 = 500_000;
/// So many of them have the same key.
pub const OF_A_KEY: u64 = 10;
/// Changes in one run.
pub const CHANGES: u64 = RECORDS + 1_500_000;
/// Of the table that is joined: a row for each key, each replaced now and then.
pub const ROWS: u64 = RECORDS / OF_A_KEY;
/// Changes of that table in one run.
pub const CHANGES_OF_ROWS: u64 = ROWS + CHANGES / 10;

pub type Pair = (u64, u64);

/// Record `n` of a collection of `records`.
fn record(n: u64, records: u64, of_a_key: u64) -> Pair {
    (mix(n % records) % (records / of_a_key), mix(n))
}

/// The change with this number: first all records come, then four go and four others come instead, and so on. A split of
/// four gets a record and what comes instead, and so does a worker of up to four.
pub fn change(number: u64, records: u64, of_a_key: u64) -> (Pair, i64) {
    let Some(later) = number.checked_sub(records) else {
        return (record(number, records, of_a_key), 1);
    };
    let nth = later / 8 * 4 + later % 4;
    let is_new = later % 8 >= 4;
    let n = if is_new { nth + records } else { nth };
    (record(n, records, of_a_key), if is_new { 1 } else { -1 })
}

/// A change of the records.
pub fn of_records(number: u64) -> (Pair, i64) {
    change(number, RECORDS, OF_A_KEY)
}

/// A change of the table.
pub fn of_rows(number: u64) -> (Pair, i64) {
    change(number, ROWS, 1)
}
