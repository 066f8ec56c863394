//! What a run tells while it goes on: a live line on a terminal, elsewhere a log line now and then.
use super::{screen, text};
use millstream_runtime::run::{Clock, Progress, Status, SystemClock};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often the live line is rewritten.
const LIVE: Duration = Duration::from_millis(500);

/// How often a log line is written where there is no terminal.
const LOGGED: Duration = Duration::from_secs(10);

/// Shows progress until it is dropped.
pub(crate) struct Shown {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Starts showing it.
pub(crate) fn show(status: Arc<Status>) -> std::io::Result<Shown> {
    let (stop, stopped) = channel();
    let live = screen::is_terminal();
    let each = if live { LIVE } else { LOGGED };
    let thread = std::thread::Builder::new().name("millstream-progress".into()).spawn(move || {
        let mut teller = Teller::new(Instant::now());
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(each) {
            let line = teller.tell(status.progress(), Instant::now(), SystemClock.now());
            if live {
                screen::show(&line);
            } else {
                tracing::info!("{line}");
            }
        }
        screen::show("");
    })?;
    Ok(Shown { stop: Some(stop), thread: Some(thread) })
}

impl Drop for Shown {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ = self.thread.take().map(JoinHandle::join); // it has shown all it could
    }
}

/// Turns looks at a run into lines: rates and ages need the look before.
struct Teller {
    before: Progress,
    at: Instant,
    /// When the newest checkpoint was first seen.
    checkpoint_at: Instant,
}

impl Teller {
    fn new(at: Instant) -> Self {
        Self { before: Progress::default(), at, checkpoint_at: at }
    }

    /// `wall` is the time of day in milliseconds since the Unix epoch.
    fn tell(&mut self, now: Progress, at: Instant, wall: i64) -> String {
        let seconds = at.duration_since(self.at).as_secs_f64().max(0.001);
        let rate = now.read.saturating_sub(self.before.read) as f64 / seconds;
        if now.checkpoint != self.before.checkpoint {
            self.checkpoint_at = at;
        }
        (self.before, self.at) = (now, at);
        format!(
            "{} records  {}/s  watermark {}  checkpoint {}",
            text::count(now.read),
            text::count(rate as u64),
            watermark(now.watermark, wall),
            self.checkpoint(&now, at)
        )
    }

    fn checkpoint(&self, now: &Progress, at: Instant) -> String {
        if now.checkpoint == 0 {
            return "-".into();
        }
        let age = text::span(at.duration_since(self.checkpoint_at));
        let (bytes, took) = (text::bytes(now.checkpoint_bytes), Duration::from_millis(now.checkpoint_ms));
        format!("{}: {age} ago, {bytes} in {}", now.checkpoint, text::span(took))
    }
}

fn watermark(mark: Option<i64>, wall: i64) -> String {
    match mark {
        None => "-".into(),
        Some(i64::MAX) => "at the end".into(),
        Some(mark) => {
            let behind = Duration::from_millis(u64::try_from(wall.saturating_sub(mark)).unwrap_or(0));
            format!("{}, {} behind", millstream_runtime::time::Timestamp(mark), text::span(behind))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_rate_lag_and_age() {
        let start = Instant::now();
        let mut teller = Teller::new(start);
        let first = teller.tell(Progress::default(), start + LIVE, 0);
        assert_eq!(first, "0 records  0/s  watermark -  checkpoint -");
        let mut seen = Progress { read: 5_000, watermark: Some(1_000), checkpoint: 3, ..Progress::default() };
        (seen.checkpoint_ms, seen.checkpoint_bytes) = (7, 2_000);
        teller.tell(seen, start + 2 * LIVE, 0);
        seen.read = 6_000;
        let line = teller.tell(seen, start + 4 * LIVE, 31_000);
        let watermark = "watermark 1970-01-01T00:00:01Z, 30 s behind";
        assert_eq!(line, format!("6,000 records  1,000/s  {watermark}  checkpoint 3: 1.0 s ago, 2.0 kB in 7 ms"));
        assert_eq!(super::watermark(Some(i64::MAX), 0), "at the end");
    }
}
