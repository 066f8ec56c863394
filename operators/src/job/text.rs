//! Numbers as people read them.
use std::time::Duration;

/// `1234567` as `1,234,567`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in the largest unit that leaves at least 1.
pub(crate) fn bytes(n: u64) -> String {
    let unit = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)].into_iter().find(|(_, size)| n >= *size);
    match unit {
        Some((name, size)) => format!("{:.1} {name}", n as f64 / size as f64),
        None => format!("{n} B"),
    }
}

/// A duration in one unit.
pub(crate) fn span(d: Duration) -> String {
    let s = d.as_secs();
    match s {
        0 => format!("{} ms", d.as_millis()),
        1..=9 => format!("{:.1} s", d.as_secs_f64()),
        10..=119 => format!("{s} s"),
        120..=7_199 => format!("{} min", s / 60),
        7_200..=172_799 => format!("{} h", s / 3_600),
        _ => format!("{} days", s / 86_400),
    }
}

/// How long ago `then` was, both in milliseconds since the Unix epoch.
pub(crate) fn ago(then: u64, now: u64) -> String {
    format!("{} ago", span(Duration::from_millis(now.saturating_sub(then))))
}

/// `1 worker`, `2 workers`.
pub(crate) fn some(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        let counts = [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")];
        counts.into_iter().for_each(|(n, text)| assert_eq!(count(n), text));
        let sizes = [(999, "999 B"), (1000, "1.0 kB"), (1_250_000, "1.2 MB")];
        sizes.into_iter().for_each(|(n, text)| assert_eq!(bytes(n), text));
        let spans =
            [(15, "15 ms"), (1_500, "1.5 s"), (90_000, "90 s"), (600_000, "10 min"), (86_400_000 * 3, "3 days")];
        spans.into_iter().for_each(|(ms, text)| assert_eq!(span(Duration::from_millis(ms)), text));
        assert_eq!((some(1, "worker"), some(2, "worker")), ("1 worker".into(), "2 workers".into()));
        assert_eq!(ago(10, 5), "0 ms ago");
    }
}
