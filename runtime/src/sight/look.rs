//! What one process sees of who holds things up, and what all of them come to. Pure.
use super::board::Progress;
use super::standing::Standing;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Texts are cut to so many bytes, since they travel.
const TEXT_MAX: usize = 400;

/// A call that has taken so long holds up what waits behind it, ms.
const LONG_CALL_MS: u64 = 1_000;

/// Who is behind, by how much: of several the one with the least rank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holder {
    pub rank: i64,
    pub who: String,
}

impl Holder {
    fn new(rank: i64, mut who: String) -> Self {
        who.truncate(who.floor_char_boundary(TEXT_MAX));
        Self { rank, who }
    }
}

/// What a process sees.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Look {
    /// Ranked by epoch; a call that does not return comes first.
    pub epoch: Option<Holder>,
    /// Ranked by watermark.
    pub watermark: Option<Holder>,
    /// Ranked by how far the checkpoint has come: parts, file, commits before it.
    pub checkpoint: Option<Holder>,
    /// Workers that have yet to commit.
    pub commit: Option<Holder>,
}

impl Look {
    /// What there is to see in this process. `uids`: the operators that give parts of a checkpoint, in their order.
    pub fn at(standings: &[Arc<Standing>], progress: &Progress, uids: &[String]) -> Self {
        Self {
            epoch: standings.iter().filter_map(|standing| epoch_holder(standing)).min_by_key(|h| h.rank),
            watermark: standings.iter().filter_map(|standing| watermark_holder(standing)).min_by_key(|h| h.rank),
            checkpoint: checkpoint_holder(standings, progress, uids),
            commit: commit_holder(progress),
        }
    }

    /// What all processes together see.
    pub fn merge(looks: &BTreeMap<usize, Look>) -> Self {
        let least = |of: fn(&Look) -> &Option<Holder>| {
            let all = looks.iter().filter_map(|(process, look)| Some((process, of(look).as_ref()?)));
            let (process, holder) = all.min_by_key(|(_, holder)| holder.rank)?;
            let who = match looks.len() {
                1 => holder.who.clone(),
                _ => format!("{}, in process {process}", holder.who),
            };
            Some(Holder::new(holder.rank, who))
        };
        Self {
            epoch: least(|look| &look.epoch),
            watermark: least(|look| &look.watermark),
            checkpoint: least(|look| &look.checkpoint),
            commit: least(|look| &look.commit),
        }
    }
}

fn name(standing: &Standing) -> String {
    format!("{:?} on worker {}", standing.uid, standing.worker)
}

fn epoch_holder(standing: &Standing) -> Option<Holder> {
    if let Some(ms) = standing.busy_ms().filter(|ms| *ms >= LONG_CALL_MS) {
        return Some(busy(&name(standing), ms));
    }
    let epoch = i64::try_from(standing.holds_up()?).ok()?;
    Some(Holder::new(epoch, format!("{}: it has yet to process what came in", name(standing))))
}

/// Before every epoch; of two such calls the longer one.
fn busy(name: &str, ms: u64) -> Holder {
    let rank = i64::try_from(ms).map_or(i64::MIN, |ms| -ms);
    Holder::new(rank, format!("{name}: one call has not returned for {} s", ms / 1000))
}

fn watermark_holder(standing: &Standing) -> Option<Holder> {
    let (mark, what) = standing.slowest()?;
    Some(Holder::new(mark, format!("{what} of {}", name(standing))))
}

/// A checkpoint goes through these steps in each process; the least advanced process holds it up.
fn checkpoint_holder(standings: &[Arc<Standing>], progress: &Progress, uids: &[String]) -> Option<Holder> {
    let (n, _) = progress.cut?;
    let mut workers: Vec<usize> = standings.iter().map(|standing| standing.worker).collect();
    workers.sort_unstable();
    workers.dedup();
    let parts = (0..uids.len()).flat_map(|operator| workers.iter().map(move |worker| (operator, *worker)));
    let missing: Vec<_> = parts.filter(|part| !progress.parts.contains(part)).collect();
    if let Some((operator, worker)) = missing.first() {
        let more = match missing.len() {
            1 => String::new(),
            more => format!(" and {} more", more - 1),
        };
        let uid = uids.get(*operator).map_or("", String::as_str);
        return Some(Holder::new(0, format!("{uid:?} on worker {worker}{more}: the snapshot is not there")));
    }
    if progress.written.is_none_or(|written| written < n) {
        return Some(Holder::new(1, "the store: the file is being written".into()));
    }
    commit_holder(progress).map(|holder| Holder::new(2, format!("the commits before it: {}", holder.who)))
}

fn commit_holder(progress: &Progress) -> Option<Holder> {
    let (worker, by) = progress.committing.first_key_value()?;
    let by = if by.is_empty() { "what it does before" } else { by };
    Some(Holder::new(0, format!("{by} on worker {worker}")))
}

#[cfg(test)]
mod tests {
    use super::super::board::Board;
    use super::*;
    use crate::engine::epoch::{DONE, epoch};

    fn look(board: &Board) -> Look {
        Look::at(&board.standings(), &board.progress(), &["a".into(), "b".into()])
    }

    #[test]
    fn who_has_let_everything_pass_holds_nothing_up() {
        let board = Board::default();
        let (a, b) = (board.add("a", 0), board.add("b", 0));
        a.leave(epoch(3, 1), DONE);
        b.leave(epoch(3, 0), epoch(3, 0)); // waits for a
        assert_eq!(look(&board).epoch, None);
        b.leave(epoch(3, 5), epoch(3, 2));
        a.leave(epoch(3, 5), epoch(3, 4));
        let held = look(&board).epoch.unwrap();
        assert!(held.who.starts_with("\"b\" on worker 0"), "the one that is further behind: {held:?}");
    }

    #[test]
    fn a_checkpoint_is_held_by_a_part_then_by_the_store_then_by_commits() {
        let board = Board::default();
        board.add("a", 4);
        assert_eq!(look(&board).checkpoint, None, "none is under way");
        board.note_cut(7);
        board.note_part(7, 0, 4);
        let part = look(&board).checkpoint.unwrap();
        assert_eq!(part, Holder::new(0, "\"b\" on worker 4: the snapshot is not there".into()));
        board.note_part(7, 1, 4);
        assert_eq!(look(&board).checkpoint.unwrap().rank, 1);
        board.note_written(7);
        assert_eq!(look(&board).checkpoint, None, "the others, or the manifest");
        board.note_commit(6, 4..5);
        board.note_committing(4, "sink \"out\", lane 2".into());
        let commit = look(&board).checkpoint.unwrap();
        assert_eq!(commit.who, "the commits before it: sink \"out\", lane 2 on worker 4");
        board.note_committed(4);
        assert_eq!(look(&board).commit, None);
        board.note_cut(8);
        assert_eq!(look(&board).checkpoint.unwrap().rank, 0, "each has its own parts");
    }

    #[test]
    fn the_process_that_is_furthest_behind_is_named() {
        let of = |rank| Look { epoch: Some(Holder::new(rank, format!("at {rank}"))), ..Look::default() };
        let merged = Look::merge(&BTreeMap::from([(0, of(5)), (1, of(3)), (2, Look::default())]));
        assert_eq!(merged.epoch.unwrap().who, "at 3, in process 1");
        let stuck = |ms| Look { epoch: Some(busy("x", ms)), ..Look::default() };
        let merged = Look::merge(&BTreeMap::from([(0, of(0)), (1, stuck(2_000)), (2, stuck(3_000))]));
        assert_eq!(merged.epoch.unwrap().who, "x: one call has not returned for 3 s, in process 2");
        assert_eq!(Look::merge(&BTreeMap::from([(0, of(5))])).epoch.unwrap().who, "at 5", "it is alone");
    }
}
