//! What was measured of a query: a line of JSON, or of the table.
use serde::{Deserialize, Serialize};
use std::fmt;

/// See `docs/nexmark.md`; none is what the system does not have, or what nothing was seen of.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    pub query: String,
    pub system: String,
    pub events: u64,
    pub workers: usize,
    pub checkpoint_interval_ms: Option<u64>,
    pub rows: i64,
    /// Hexadecimal.
    pub checksum: String,
    pub events_per_s: f64,
    pub cpu_s: f64,
    pub peak_rss_mb: u64,
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub checkpoints: u64,
    /// The largest one.
    pub checkpoint_mb: f64,
    /// The longest one, from its last part to its manifest.
    pub checkpoint_ms: u64,
    /// From a kill to the event that is due, at half of the rate.
    pub caught_up_ms: Option<f64>,
}

impl Report {
    /// The head of the table.
    pub const HEAD: &'static str = "query system      M events/s  M per CPU s  RSS MiB   p50 ms   p99 ms  checkpoints, \
                                    MB     ms  caught up ms      rows  checksum";

    /// Of what was measured, millions for each second of the processors: four fifths of the events.
    fn per_cpu_s(&self) -> f64 {
        self.events as f64 * 0.8 / self.cpu_s.max(0.01) / 1e6
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let delay = |ms: Option<f64>| ms.map_or_else(|| "-".to_string(), |ms| format!("{ms:.2}"));
        write!(f, "{:<5} {:<10}", self.query, self.system)?;
        write!(f, " {:>11.2}  {:>11.2}  {:>7}", self.events_per_s / 1e6, self.per_cpu_s(), self.peak_rss_mb)?;
        write!(f, " {:>8} {:>8}", delay(self.p50_ms), delay(self.p99_ms))?;
        write!(f, "  {:>7} {:>8.2}", self.checkpoints, self.checkpoint_mb)?;
        write!(f, " {:>6} {:>13}", self.checkpoint_ms, delay(self.caught_up_ms))?;
        write!(f, " {:>9}  {}", self.rows, self.checksum)
    }
}
