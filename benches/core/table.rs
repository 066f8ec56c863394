//! The table that is printed.

/// How often each side of a ratio runs; the first pair warms up.
const ROUNDS: usize = 4;

/// The head of the lines with ratios.
pub fn head(yardstick: &str, ours: &str) {
    println!("{:<52} {yardstick:>8} {ours:>10} {:>7} {:>7}", "M records/s", "ratio", "wanted");
}

/// A ratio of speeds, at least `wanted`.
pub fn line(what: &str, records: u64, wanted: f64, yardstick: impl Fn() -> f64, ours: impl Fn() -> f64) {
    if !is_asked_for(what) {
        return;
    }
    let mut pairs: Vec<(f64, f64)> = (0..ROUNDS).map(|_| (yardstick(), ours())).skip(1).collect();
    pairs.sort_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
    let (theirs, own) = pairs[pairs.len() / 2];
    let (rate, ratio) = (|seconds: f64| records as f64 / seconds / 1e6, theirs / own);
    let verdict = if ratio >= wanted { "" } else { "  BELOW" };
    println!("{what:<52} {:>8.1} {:>10.1} {ratio:>7.2} {wanted:>7.2}{verdict}", rate(theirs), rate(own));
}

/// The head of the lines with limits.
pub fn head_of_limits() {
    println!("\n{:<52} {:>8} {:>8}", "limits", "measured", "at most");
}

/// A measure that may be `limit` at most.
pub fn most(what: &str, measured: f64, limit: f64, unit: &str, note: &str) {
    let verdict = if measured <= limit { "ok" } else { "MISSED" };
    println!("{what:<52} {measured:>8.1} {limit:>8.1} {unit:<6} {verdict:<6}  {note}");
}

/// `cargo bench --bench core -- WORD` runs the lines with that word only.
pub fn is_asked_for(what: &str) -> bool {
    let words: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    words.is_empty() || words.iter().any(|word| what.contains(word.as_str()))
}
