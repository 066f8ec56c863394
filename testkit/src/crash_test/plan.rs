//! Which runs there are, and where each of their attempts dies. Pure: a case says everything about its run.
use millstream_runtime::run::failpoint::PLACES;
use millstream_runtime::run::mix;
use std::fmt;

/// In the place of a failpoint: kills, then goes back to an older checkpoint.
pub(super) const REWIND: &str = "rewind";
/// In the place of a failpoint: kills, then starts afresh in a folder that holds checkpoints.
pub(super) const NOTHING: &str = "nothing";

/// The counts of a place that are tried.
const COUNTS: [u64; 3] = [1, 2, 5];
/// Where a restart dies, in turn with the case's own place.
const RECOVERING: [&str; 4] = ["claim.after", "restore.after", "commit.before", "prepare.after"];
/// So many attempts die at most; the next one goes through.
pub(super) const DEATHS: u64 = 3;
/// So many runs try every place with every count.
pub(super) const RUNS: u64 = (PLACES.len() as u64 + 2) * COUNTS.len() as u64;

/// A disturbed run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub seed: u64,
    pub place: String,
    pub count: u64,
}

/// One attempt of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AttemptPlan {
    pub workers: usize,
    pub jitter: u64,
    pub binary: bool,
    /// Whether keyed state that exceeds a tiny budget is on the disk.
    pub disk: bool,
    pub dies: Option<(String, u64)>,
}

impl fmt::Display for AttemptPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = if self.binary { ", serializing channels" } else { "" };
        let disk = if self.disk { ", state on disk" } else { "" };
        write!(f, "workers {}{encoded}{disk}", self.workers)?;
        self.dies.as_ref().map_or(Ok(()), |(place, count)| write!(f, ", to die at {place}:{count}"))
    }
}

impl Case {
    /// The `i`-th run of a test: every place with every count, then the same with other seeds.
    pub fn nth(seed: u64, i: u64) -> Self {
        let places = PLACES.iter().copied().chain([REWIND, NOTHING]);
        let number = PLACES.len() as u64 + 2;
        let place = places.cycle().nth((i % number) as usize).unwrap_or(REWIND);
        let count = COUNTS[((i / number) % 3) as usize];
        Self { seed: seed.wrapping_add(i / RUNS), place: place.into(), count }
    }

    /// Attempts count from 0.
    pub fn attempt(&self, i: u64) -> AttemptPlan {
        let turn = self.place.bytes().fold(self.seed.wrapping_add(self.count), |sum, b| sum.wrapping_add(b.into()));
        let recovering = RECOVERING[(mix(turn) % 4) as usize];
        let dies = match (i, self.place.as_str()) {
            (0, REWIND | NOTHING) => Some(("committed.before", self.count + 1)),
            (0, place) => Some((place, self.count)),
            (1, _) => Some((recovering, 1)),
            (2, REWIND | NOTHING) => Some(("write.after", 2)),
            (2, place) => Some((place, 1)),
            _ => None,
        };
        AttemptPlan {
            workers: 1 + (turn.wrapping_add(i) % 3) as usize,
            jitter: mix(turn ^ mix(i)),
            binary: mix(turn) % 4 == 1,
            disk: mix(turn ^ i) % 3 == 1,
            dies: dies.map(|(place, count)| (place.to_string(), count)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_place_is_tried_with_every_count_and_number_of_workers() {
        let cases: Vec<Case> = (0..RUNS).map(|i| Case::nth(1, i)).collect();
        let distinct: BTreeSet<_> = cases.iter().map(|c| (c.place.clone(), c.count)).collect();
        assert_eq!(distinct.len(), (PLACES.len() + 2) * 3);
        let recovering: BTreeSet<_> = cases.iter().filter_map(|c| c.attempt(1).dies).map(|(place, _)| place).collect();
        assert_eq!(recovering, RECOVERING.map(String::from).into(), "a restart dies at each place in turn");
        for case in &cases {
            let workers: BTreeSet<_> = (0..3).map(|i| case.attempt(i).workers).collect();
            assert_eq!(workers, BTreeSet::from([1, 2, 3]), "each restart is with another number");
            assert_eq!(case.attempt(DEATHS).dies, None);
        }
        assert!(cases.iter().any(|c| c.attempt(0).binary));
        let changes: BTreeSet<_> = cases.iter().map(|c| (c.attempt(0).disk, c.attempt(1).disk)).collect();
        assert_eq!(changes.len(), 4, "a restart keeps the backend of state, or takes the other one");
        assert_eq!(Case::nth(1, RUNS), Case { seed: 2, ..Case::nth(1, 0) });
    }
}
