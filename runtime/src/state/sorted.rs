//! A small ordered map: most keys have few sub-keys, and a sorted list of those is faster and shorter than a tree.
use std::collections::{BTreeMap, btree_map};
use std::ops::{Bound, RangeBounds};

/// A list begins with room for so many.
const ROOM: usize = 4;
/// A list is at most so long.
const FEW: usize = 32;

/// Sorted by key.
#[derive(Debug, Default)]
pub(super) enum Sorted<K, V> {
    #[default]
    Empty,
    /// The usual case, beside what else is known of its owner: behind a pointer it would cost each visit a cache miss.
    One([(K, V); 1]),
    Few(Vec<(K, V)>),
    Many(BTreeMap<K, V>),
}

impl<K: Ord, V> Sorted<K, V> {
    /// All that are not in a tree.
    fn list(&self) -> &[(K, V)] {
        match self {
            Self::One(only) => only,
            Self::Few(list) => list,
            Self::Empty | Self::Many(_) => &[],
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Many(tree) => tree.len(),
            _ => self.list().len(),
        }
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        match self {
            Self::Many(tree) => tree.get(key),
            _ => position(self.list(), key).ok().map(|at| &self.list()[at].1),
        }
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let list = match self {
            Self::Empty => return None,
            Self::One(only) => &mut only[..],
            Self::Few(list) => list,
            Self::Many(tree) => return tree.get_mut(key),
        };
        position(list, key).ok().map(|at| &mut list[at].1)
    }

    pub(super) fn put(&mut self, key: K, value: V) {
        if let Self::Many(tree) = self {
            tree.insert(key, value);
            return;
        }
        match position(self.list(), &key) {
            Err(at) => self.insert(at, (key, value)),
            Ok(_) => drop(self.get_mut(&key).map(|there| std::mem::replace(there, value))),
        }
    }

    /// Puts an entry into what is no tree, at its place.
    fn insert(&mut self, at: usize, entry: (K, V)) {
        match self {
            Self::Few(list) if list.len() < FEW => list.insert(at, entry),
            _ => {
                *self = match std::mem::take(self) {
                    Self::Empty => Self::One([entry]),
                    Self::One([only]) => {
                        let mut list = Vec::with_capacity(ROOM);
                        list.push(only);
                        list.insert(at, entry);
                        Self::Few(list)
                    }
                    Self::Few(list) => Self::Many(list.into_iter().chain([entry]).collect()),
                    Self::Many(tree) => Self::Many(tree),
                }
            }
        }
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        if let Self::Many(tree) = self {
            return tree.remove(key);
        }
        let at = position(self.list(), key).ok()?;
        if let Self::Few(list) = self {
            return Some(list.remove(at).1);
        }
        match std::mem::take(self) {
            Self::One([(_, value)]) => Some(value),
            _ => None,
        }
    }

    /// The entries of a range, in order; none where it ends before it starts.
    pub(super) fn range(&self, range: &impl RangeBounds<K>) -> Range<'_, K, V> {
        let list = self.list();
        let end = list.partition_point(|(key, _)| is_before_end(key, range.end_bound()));
        let start = list.partition_point(|(key, _)| !is_after_start(key, range.start_bound()));
        let few = list.get(start..end).unwrap_or_default().iter();
        match self {
            Self::Many(tree) if !is_inverted(range) => {
                Range { few, many: Some(tree.range((range.start_bound(), range.end_bound()))) }
            }
            _ => Range { few, many: None },
        }
    }

    /// Visits entries from a key on while the visitor says so.
    pub(super) fn visit(&self, from: Option<&K>, visitor: &mut dyn FnMut(&K, &V) -> bool) {
        let start = from.map_or(Bound::Unbounded, Bound::Included);
        let range: (Bound<&K>, Bound<&K>) = (start, Bound::Unbounded);
        self.range(&range).all(|(key, value)| visitor(key, value));
    }
}

fn position<K: Ord, V>(list: &[(K, V)], key: &K) -> Result<usize, usize> {
    list.binary_search_by(|(at, _)| at.cmp(key))
}

fn is_before_end<K: Ord>(key: &K, end: Bound<&K>) -> bool {
    match end {
        Bound::Included(end) => key <= end,
        Bound::Excluded(end) => key < end,
        Bound::Unbounded => true,
    }
}

fn is_after_start<K: Ord>(key: &K, start: Bound<&K>) -> bool {
    match start {
        Bound::Included(start) => key >= start,
        Bound::Excluded(start) => key > start,
        Bound::Unbounded => true,
    }
}

/// A tree panics where a range holds nothing by its own bounds.
fn is_inverted<K: Ord>(range: &impl RangeBounds<K>) -> bool {
    match (range.start_bound(), range.end_bound()) {
        (Bound::Excluded(start), Bound::Excluded(end)) => start >= end,
        (Bound::Included(start) | Bound::Excluded(start), Bound::Included(end) | Bound::Excluded(end)) => start > end,
        _ => false,
    }
}

/// Entries in order.
pub(super) struct Range<'a, K, V> {
    few: std::slice::Iter<'a, (K, V)>,
    many: Option<btree_map::Range<'a, K, V>>,
}

impl<K, V> Default for Range<'_, K, V> {
    fn default() -> Self {
        Self { few: [].iter(), many: None }
    }
}

impl<'a, K, V> Iterator for Range<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.many {
            None => self.few.next().map(|(key, value)| (key, value)),
            Some(many) => many.next(),
        }
    }
}

impl<K, V> DoubleEndedIterator for Range<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        match &mut self.many {
            None => self.few.next_back().map(|(key, value)| (key, value)),
            Some(many) => many.next_back(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Short and long maps answer alike, for every kind of range and at the edge where a list becomes a tree.
    #[test]
    fn it_is_a_map() {
        for len in [0u32, 1, 5, 31, 32, 33, 70] {
            let (mut sorted, mut tree) = (Sorted::default(), BTreeMap::new());
            for i in 0..len {
                let key = i.wrapping_mul(2_654_435_761) % 97;
                sorted.put(key, i);
                tree.insert(key, i);
            }
            for key in [3, 50, 96, 12] {
                assert_eq!(sorted.remove(&key), tree.remove(&key), "{len} entries");
            }
            assert_eq!(sorted.len(), tree.len());
            for key in 0..97 {
                assert_eq!(sorted.get(&key), tree.get(&key), "{len} entries");
                assert_eq!(sorted.get_mut(&key), tree.get_mut(&key), "{len} entries");
            }
            let bounds = |k| [Bound::Included(k), Bound::Excluded(k), Bound::Unbounded];
            for (start, end) in [(10, 60), (60, 10), (20, 20)] {
                for (start, end) in bounds(start).into_iter().flat_map(|s| bounds(end).map(|e| (s, e))) {
                    let expected = tree.iter().filter(|(k, _)| (start, end).contains(*k));
                    assert!(sorted.range(&(start, end)).eq(expected.clone()), "{len} entries, {start:?}, {end:?}");
                    assert!(sorted.range(&(start, end)).rev().eq(expected.rev()), "{len} entries, {start:?}, {end:?}");
                }
            }
        }
    }
}
