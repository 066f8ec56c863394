//! Which splits exist, who reads them, and what each origin has promised. Pure: kept by worker 0, asked by its ticker and
//! its collectors.
use super::epoch::Epoch;
use super::tick::{News, Report};
use std::collections::BTreeSet;

/// A split that was found, encoded, with the splits that must have ended before it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FoundSplit {
    pub split: Vec<u8>,
    pub after: Vec<Vec<u8>>,
    /// Where it begins, encoded; none is its start.
    pub start: Option<Vec<u8>>,
}

/// What was found of a source at one time.
#[derive(Clone, Debug)]
pub(crate) struct Discovered {
    pub source: usize,
    pub splits: Vec<FoundSplit>,
    /// Whether more may appear.
    pub growing: bool,
}

/// All sources of the graph.
#[derive(Default)]
pub(crate) struct Discovery {
    sources: Vec<Known>,
}

/// What is known of one source.
struct Known {
    answered: bool,
    growing: bool,
    found: BTreeSet<Vec<u8>>,
    started: BTreeSet<Vec<u8>>,
    ended: BTreeSet<Vec<u8>>,
    waiting: Vec<FoundSplit>,
    load: Vec<usize>,
    published: Vec<i64>,
    /// Reports of earlier epochs do not know of the splits that were last announced.
    hold_before: Epoch,
}

impl Discovery {
    /// Adds the next source: how many origins it has, what they promised before, and the splits of the checkpoint with
    /// the worker that reads each and whether it has ended.
    pub fn add(&mut self, workers: usize, published: Vec<i64>, restored: Vec<(Vec<u8>, usize, bool)>) {
        let mut known = Known {
            answered: false,
            growing: true,
            found: BTreeSet::new(),
            started: BTreeSet::new(),
            ended: BTreeSet::new(),
            waiting: vec![],
            load: vec![0; workers],
            published,
            hold_before: 0,
        };
        for (split, worker, ended) in restored {
            known.found.insert(split.clone());
            known.started.insert(split.clone());
            known.add_load(worker, !ended);
            if ended {
                known.ended.insert(split);
            }
        }
        self.sources.push(known);
    }

    /// Takes in an answer of a source.
    pub fn found(&mut self, what: Discovered) {
        let Some(known) = self.sources.get_mut(what.source) else { return };
        known.answered = true;
        known.growing = what.growing;
        for split in what.splits {
            if known.found.insert(split.split.clone()) {
                known.waiting.push(split);
            }
        }
    }

    /// Whether every source has answered once: no epoch opens before.
    pub fn is_ready(&self) -> bool {
        self.sources.iter().all(|s| s.answered)
    }

    /// The splits that start with epoch `at`: those whose parents have all ended. Each goes to the worker that reads the
    /// fewest of its source.
    pub fn announce(&mut self, at: Epoch) -> Vec<News> {
        let mut news = vec![];
        for (source, known) in self.sources.iter_mut().enumerate() {
            let parents_ended =
                |s: &FoundSplit| s.after.iter().all(|p| known.ended.contains(p) || !known.found.contains(p));
            let (ready, waiting) = std::mem::take(&mut known.waiting).into_iter().partition(parents_ended);
            known.waiting = waiting;
            for FoundSplit { split, start, .. } in ready {
                let worker = (0..known.load.len()).min_by_key(|w| known.load[*w]).unwrap_or(0);
                known.add_load(worker, true);
                known.started.insert(split.clone());
                known.hold_before = at;
                let floors = known.published.clone();
                news.push(News { source: source as u32, worker: worker as u64, split, start, floors });
            }
        }
        news
    }

    /// What each origin has promised, by source: for the alignment of splits. Nothing of a source with splits that wait for
    /// others to end: those others must not wait in turn.
    pub fn promised(&self) -> Vec<Vec<i64>> {
        let of = |known: &Known| if known.waiting.is_empty() { known.published.clone() } else { vec![] };
        self.sources.iter().map(of).collect()
    }

    /// Takes the reports of all workers on one source for epoch `at`, and gives what its origins promise: never less than
    /// before, `i64::MAX` once the source is over, and no more than before while splits wait to start.
    pub fn publish(&mut self, source: usize, at: Epoch, reports: &[Report]) -> Vec<i64> {
        let Some(known) = self.sources.get_mut(source) else { return vec![] };
        known.ended.extend(reports.iter().flat_map(|r| r.ended.iter().cloned()));
        let held = !known.waiting.is_empty() || at < known.hold_before || !known.answered;
        let over = known.is_over();
        for (i, published) in known.published.iter_mut().enumerate() {
            let least_of =
                |marks: fn(&Report) -> &Vec<i64>| reports.iter().filter_map(|r| marks(r).get(i).copied()).min();
            let least = match least_of(|r| &r.marks) {
                Some(i64::MAX) => least_of(|r| &r.idle).unwrap_or(i64::MAX), // nothing holds it back but what is idle
                least => least.unwrap_or(i64::MIN),
            };
            *published = match (over, held || least == i64::MAX) {
                (true, _) => i64::MAX,
                (false, true) => *published,
                (false, false) => least.max(*published),
            };
        }
        known.published.clone()
    }

    /// Whether every source is over.
    pub fn is_over(&self) -> bool {
        self.sources.iter().all(Known::is_over)
    }

    /// Whether this source is over.
    pub fn is_source_over(&self, source: usize) -> bool {
        self.sources.get(source).is_some_and(Known::is_over)
    }

    /// The least watermark of all origins, for the progress line.
    pub fn least_watermark(&self) -> Option<i64> {
        self.sources.iter().flat_map(|s| s.published.iter().copied()).min()
    }
}

impl Known {
    fn is_over(&self) -> bool {
        self.answered && !self.growing && self.waiting.is_empty() && self.ended.is_superset(&self.started)
    }

    fn add_load(&mut self, worker: usize, live: bool) {
        if let Some(load) = self.load.get_mut(worker) {
            *load += usize::from(live);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, after: &[&str]) -> FoundSplit {
        FoundSplit { split: name.into(), after: after.iter().map(|p| p.as_bytes().to_vec()).collect(), start: None }
    }
    fn report(mark: i64, ended: &[&str]) -> Report {
        Report {
            marks: vec![mark],
            idle: vec![],
            ended: ended.iter().map(|e| e.as_bytes().to_vec()).collect(),
            read: 0,
        }
    }

    #[test]
    fn a_child_starts_after_its_parents_and_holds_the_watermark_until_it_reports() {
        let mut d = Discovery::default();
        d.add(2, vec![i64::MIN], vec![]);
        assert!(!d.is_ready());
        let splits = vec![found("a", &[]), found("b", &[]), found("c", &["a", "b"])];
        d.found(Discovered { source: 0, splits, growing: false });
        let news = d.announce(5);
        assert_eq!(news.iter().map(|n| n.worker).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(d.publish(0, 5, &[report(10, &["a"]), report(20, &[])]), [i64::MIN], "c waits");
        assert_eq!(d.publish(0, 6, &[report(i64::MAX, &[]), report(30, &["b"])]), [i64::MIN]);
        assert!(d.promised()[0].is_empty(), "a and b must end, however far ahead they are");
        let news = d.announce(8);
        assert_eq!(news[0].floors, [i64::MIN]);
        assert_eq!(d.publish(0, 7, &[report(i64::MAX, &[]), report(i64::MAX, &[])]), [i64::MIN], "no news in epoch 7");
        assert_eq!(d.publish(0, 8, &[report(25, &[]), report(i64::MAX, &[])]), [25]);
        assert_eq!(d.promised(), [[25]]);
        assert!(!d.is_over());
        assert_eq!(d.publish(0, 9, &[report(i64::MAX, &["c"]), report(i64::MAX, &[])]), [i64::MAX]);
        assert!(d.is_over());
    }

    #[test]
    fn an_instance_whose_splits_are_idle_holds_no_other_back() {
        let mut d = Discovery::default();
        d.add(2, vec![7], vec![]);
        d.found(Discovered { source: 0, splits: vec![found("idle", &[]), found("busy", &[])], growing: true });
        d.announce(1);
        assert_eq!(d.publish(0, 1, &[report(i64::MAX, &[]), report(30, &[])]), [30]);
        assert_eq!(d.publish(0, 2, &[report(i64::MAX, &[]), report(i64::MAX, &[])]), [30], "all are idle: it stays");
        assert_eq!(d.publish(0, 3, &[report(12, &[]), report(40, &[])]), [30], "it never falls");
        let idle = |promised| Report { idle: vec![promised], ..report(i64::MAX, &[]) };
        assert_eq!(d.publish(0, 4, &[idle(45), idle(50)]), [45], "all are idle, and have promised so much");
    }

    #[test]
    fn a_growing_source_never_ends_and_keeps_its_watermark_when_nothing_is_read() {
        let mut d = Discovery::default();
        d.add(1, vec![7], vec![(b"old".to_vec(), 0, false)]);
        d.found(Discovered { source: 0, splits: vec![found("old", &[])], growing: true });
        assert!(d.announce(1).is_empty(), "known from the checkpoint");
        assert_eq!(d.publish(0, 1, &[report(9, &[])]), [9]);
        assert_eq!(d.publish(0, 2, &[report(i64::MAX, &["old"])]), [9]);
        d.found(Discovered { source: 0, splits: vec![found("new", &[])], growing: true });
        assert_eq!(d.announce(3)[0].floors, [9]);
    }
}
