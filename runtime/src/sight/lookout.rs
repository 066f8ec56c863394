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
    told: Told,
}

/// What was told last, and when.
#[derive(Default)]
struct Told(BTreeMap<What, Instant>);

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
        Self { control, status, outbox, process, watermark, told: Told::default() }
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
        self.told.news(&held, now).for_each(|held| tracing::warn!("{held}"));
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

impl Told {
    /// What is to be told now.
    fn news<'h>(&mut self, held: &'h [Held], now: Instant) -> impl Iterator<Item = &'h Held> {
        self.0.retain(|what, _| held.iter().any(|held| held.what == *what));
        held.iter().filter(move |held| {
            let is_known = |told: &Instant| now.duration_since(*told) < TOLD_AGAIN;
            let is_news = held.ms >= TOLD_AFTER_MS && !self.0.get(&held.what).is_some_and(is_known);
            if is_news {
                self.0.insert(held.what, now);
            }
            is_news
        })
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
    use crate::engine::epoch::epoch;
    use crate::engine::pace::SystemClock;
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

    /// What is logged by looks at these seconds, where something is held since second 0 but for `gone`.
    fn told(looks: &[u64], gone: u64) -> Vec<u64> {
        let (mut told, start) = (Told::default(), Instant::now());
        let news = looks.iter().filter(|second| {
            let held = Held { what: What::Epoch, which: "1.0".into(), by: "somebody".into(), ms: **second * 1000 };
            let held = if **second == gone { vec![] } else { vec![held] };
            told.news(&held, start + Duration::from_secs(**second)).count() > 0
        });
        news.copied().collect()
    }

    #[test]
    fn what_is_held_is_told_after_nine_seconds_and_once_a_minute() {
        assert_eq!(told(&[1, 8, 9, 10, 30, 68, 69, 70], 0), [9, 69]);
        assert_eq!(told(&[9, 10, 11, 12], 10), [9, 11], "it was gone in between");
    }

    #[test]
    fn who_holds_an_epoch_a_watermark_a_checkpoint_and_a_commit_is_named() {
        let (status, outbox) = (Arc::new(Status::default()), Outbox::default());
        let control = Arc::new(Control::new(3, Arc::default(), Arc::new(SystemClock), outbox.clone()));
        let (board, start) = (&control.board, Instant::now());
        board.note_uids(vec!["counts".into()]);
        let standing = board.add("counts", 1);
        standing.leave(epoch(4, 2), epoch(4, 1));
        standing.note_slowest(|| Some((1_000, "split access.log".into())));
        board.note_open(Some((epoch(4, 1), start)));
        board.note_cut(4);
        board.note_commit(3, 1..2);
        board.note_committing(1, "sink \"out\"".into());
        status.numbers.watermark.store(1_000, Relaxed);
        let mut lookout = Lookout::new(Arc::clone(&control), Arc::clone(&status), outbox, 0);
        for second in 0..=9 {
            status.numbers.read.fetch_add(1, Relaxed);
            lookout.look(start + Duration::from_secs(second));
        }
        let held = status.held();
        assert!(held.iter().all(|held| held.ms > 8_000), "{held:?}");
        let told: Vec<String> =
            held.iter().map(|held| format!("{} {} by {}", held.what, held.which, held.by)).collect();
        let expected = [
            "epoch 4.1 by \"counts\" on worker 1: it has yet to process what came in",
            "watermark 1970-01-01T00:00:01Z by split access.log of \"counts\" on worker 1",
            "checkpoint 4 by \"counts\" on worker 1: the snapshot is not there",
            "commit of checkpoint 3 by sink \"out\" on worker 1",
        ];
        assert_eq!(told, expected);
    }
}
