//! Days, hours and minutes of event times, UTC.
use millstream::time::Timestamp;

/// `2015-07-15`.
pub fn day(ts: u64) -> String {
    part(ts, 0..10)
}

/// `08:59`.
pub fn minute(ts: u64) -> String {
    part(ts, 11..16)
}

/// 0 to 23.
pub fn hour(ts: u64) -> u64 {
    ts / 3_600_000 % 24
}

fn part(ts: u64, of: std::ops::Range<usize>) -> String {
    Timestamp::from(ts).to_string().get(of).unwrap_or_default().into()
}
