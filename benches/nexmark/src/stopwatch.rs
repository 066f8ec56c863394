//! When a run was measured, and what it used of the machine meanwhile.
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

/// Started by a source, stopped by sinks; the last stop counts. Clones share it.
#[derive(Clone, Default)]
pub struct Stopwatch {
    started: Arc<OnceLock<Reading>>,
    stopped: Arc<Mutex<Option<Reading>>>,
}

#[derive(Clone, Copy)]
struct Reading {
    at: Instant,
    cpu_s: f64,
}

impl Reading {
    fn now() -> Self {
        Self { at: Instant::now(), cpu_s: processor_seconds() }
    }
}

impl Stopwatch {
    /// The first start counts.
    pub fn start(&self) {
        self.started.get_or_init(Reading::now);
    }

    pub fn stop(&self) {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = Some(Reading::now());
    }

    /// Seconds by the clock, and of the processors; zero where it was not started and stopped.
    pub fn read(&self) -> (f64, f64) {
        let stopped = *self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        match (self.started.get(), stopped) {
            (Some(from), Some(to)) => (to.at.duration_since(from.at).as_secs_f64(), to.cpu_s - from.cpu_s),
            _ => (0.0, 0.0),
        }
    }
}

/// Of this process: fields 14 and 15 of its `stat`, in the hundredths of a second that Linux counts in.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_the_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = behind_the_name.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

/// The most memory that this process has had, in MiB.
pub fn peak_rss_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).and_then(|l| l.split_whitespace().next());
    kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}
