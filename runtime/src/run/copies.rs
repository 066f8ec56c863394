//! Whether all copies of a broadcast state are the same, by a hash at each checkpoint.
use crate::engine::logic::CopyHash;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The hashes of the broadcast states of a graph, by uid.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Copies(BTreeMap<String, Hashes>);

/// Of one state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Hashes {
    /// The sum of what the workers have written.
    written: u64,
    /// What copies have; more than one where they differ.
    copies: BTreeSet<u64>,
}

impl Copies {
    /// What one operator of one worker says.
    pub fn add(&mut self, CopyHash { uid, hash, is_copy }: CopyHash) {
        let hashes = self.0.entry(uid).or_default();
        if is_copy {
            hashes.copies.insert(hash);
        } else {
            hashes.written = hashes.written.wrapping_add(hash);
        }
    }

    /// What other workers say.
    pub fn merge(&mut self, other: Self) {
        for (uid, Hashes { written, copies }) in other.0 {
            let hashes = self.0.entry(uid).or_default();
            hashes.written = hashes.written.wrapping_add(written);
            hashes.copies.extend(copies);
        }
    }

    /// Which state has a copy that is not what was written.
    pub fn difference(&self) -> Option<String> {
        let differs = |hashes: &Hashes| hashes.copies.iter().any(|copy| *copy != hashes.written);
        let (uid, _) = self.0.iter().find(|(_, hashes)| differs(hashes))?;
        Some(format!(
            "a worker's copy of broadcast {uid:?} is not what was written, so workers would disagree; this is a bug of \
             Millstream: the attempt ends, and the next one loads the state anew"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(uid: &str, hash: u64, is_copy: bool) -> CopyHash {
        CopyHash { uid: uid.into(), hash, is_copy }
    }

    #[test]
    fn each_copy_is_the_sum_of_what_the_workers_have_written() {
        let (mut one, mut other) = (Copies::default(), Copies::default());
        one.add(hash("rules", u64::MAX, false));
        one.add(hash("rules", 6, true));
        other.add(hash("rules", 7, false));
        other.add(hash("rules", 6, true));
        other.add(hash("limits", 0, false));
        one.merge(other);
        assert_eq!(one.difference(), None);
        let mut lost = one.clone();
        lost.add(hash("rules", 5, true));
        assert!(lost.difference().is_some_and(|why| why.contains("\"rules\"")));
        one.add(hash("limits", 1, false));
        assert_eq!(one.difference(), None, "a state that nobody has a copy of");
    }
}
