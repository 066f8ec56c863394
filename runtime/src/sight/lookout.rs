//! A thread beside the workers that sees who holds things up. Of several processes each looks, and process 0 tells.
use super::held::{Held, What};
use super::look::Look;
use crate::mesh::Outbox;
use crate::mesh::wire::Message;
use crate::run::Status;
use crate::run::control::Control;
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How often it looks.
const LOOK: Duration = Duration::from_secs(1);
/// What is held for so long is told: one look before ten seconds are over.
const TOLD_AFTER_MS: u64 = 9_000;
/// And told again after so long.
const TOLD_AGAIN: Duration = Duration::from_secs(60);
/// What is held for less is the usual course of things.
const WORTH_MS: u64 = 1_000;

/// See the module.
pub(crate) struct Lookout {
    control: Arc<Control>,
    status: Arc<Status>,
    outbox: Outbox,
    process: usize,
    watermark: Still,
    told: BTreeMap<What, Instant>,
}

/// Since when the watermark has not moved although records are read.
struct Still {
    at: Option<i64>,
    read: u64,
    since: Instant,
}

impl Lookout {
    /// Of this process.
    pub fn new(control: Arc<Control>, status: Arc<Status>, outbox: Outbox, process: usize) -> Self {
        let watermark = Still { at: None, read: 0, since: Instant::now() };
        Self { control, status, outbox, process, watermark, told: BTreeMap::new() }
    }

    /// Looks until the other end of `over` is dropped.
    pub fn run(mut self, over: &Receiver<()>) {
        while let Err(RecvTimeoutError::Timeout) = over.recv_timeout(LOOK) {
            self.look(Instant::now());
        }
        self.status.note_held(vec![]);
    }

    fn look(&mut self, now: Instant) {
        let board = &self.control.board;
        let mine = Look::at(&board.standings(), &board.progress(), &board.uids());
        if !self.outbox.leads() {
            return self.outbox.to_leader(&Message::Look(mine));
        }
        let mut looks = board.others();
        looks.insert(self.process, mine);
        let held = self.held(&Look::merge(&looks), now);
        for held in held.iter().filter(|held| held.ms >= TOLD_AFTER_MS) {
            if self.told.get(&held.what).is_none_or(|told| now.duration_since(*told) >= TOLD_AGAIN) {
                self.told.insert(held.what, now);
                tracing::warn!("{held}");
            }
        }
        self.told.retain(|what, _| held.iter().any(|held| held.what == *what));
        self.status.note_held(held);
    }

    /// What all processes together see, where it has lasted.
    fn held(&mut self, all: &Look, now: Instant) -> Vec<Held> {
        let board = &self.control.board;
        let progress = board.progress();
        let settled = self.control.settled();
        let cut = progress.cut.filter(|(n, _)| *n > settled);
        let commit = progress.commit.filter(|_| all.commit.is_some());
        let epoch = board.open().map(|(e, since)| (format!("{}.{}", e >> 32, e & u64::from(u32::MAX)), since));
        let watermark = self.watermark.look(&self.status, now);
        let who = |holder: &Option<super::look::Holder>, other: &str| {
            holder.as_ref().map_or_else(|| other.to_string(), |holder| holder.who.clone())
        };
        let of = |what, which: String, since: Instant, by| {
            let ms = u64::try_from(now.saturating_duration_since(since).as_millis()).unwrap_or(u64::MAX);
            (ms >= WORTH_MS).then_some(Held { what, which, by, ms })
        };
        [
            epoch.and_then(|(e, since)| of(What::Epoch, e, since, who(&all.epoch, "what is between the workers"))),
            watermark.and_then(|(mark, since)| {
                of(What::Watermark, Timestamp(mark).to_string(), since, who(&all.watermark, "what is behind a source"))
            }),
            cut.and_then(|(n, since)| {
                of(
                    What::Checkpoint,
                    n.to_string(),
                    since,
                    who(&all.checkpoint, "the store: the manifest is being made"),
                )
            }),
            commit.and_then(|(n, since)| {
                let which = if n == 0 { "before the start".into() } else { n.to_string() };
                of(What::Commit, which, since, who(&all.commit, ""))
            }),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Still {
    fn look(&mut self, status: &Status, now: Instant) -> Option<(i64, Instant)> {
        let progress = status.progress();
        let read = progress.read > self.read;
        self.read = progress.read;
        if self.at != progress.watermark || !read {
            (self.at, self.since) = (progress.watermark, now);
        }
        self.at.filter(|at| *at < i64::MAX).map(|at| (at, self.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering::Relaxed;

    #[test]
    fn a_watermark_that_stands_is_held_only_while_records_are_read() {
        let (status, start) = (Status::default(), Instant::now());
        let mut still = Still { at: None, read: 0, since: start };
        let mut at = |second: u64, read: u64, mark: i64| {
            status.numbers.read.store(read, Relaxed);
            status.numbers.watermark.store(mark, Relaxed);
            let now = start + Duration::from_secs(second);
            still.look(&status, now).map(|(_, since)| now.duration_since(since).as_secs())
        };
        assert_eq!(at(1, 10, 500), Some(0));
        assert_eq!(at(2, 20, 500), Some(1));
        assert_eq!(at(3, 30, 500), Some(2));
        assert_eq!(at(4, 30, 500), Some(0), "nothing is read: nothing can move it");
        assert_eq!(at(5, 40, 500), Some(1));
        assert_eq!(at(6, 50, 600), Some(0), "it moves");
        assert_eq!(at(7, 60, i64::MAX), None, "everything has ended");
    }
}
