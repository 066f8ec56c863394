//! A small ordered map: most keys have few sub-keys, and a sorted list of those is faster and shorter than a tree.
use std::collections::{BTreeMap, VecDeque, btree_map, vec_deque};
use std::ops::{Bound, RangeBounds};

/// A list begins with room for so many.
const ROOM: usize = 4;
/// A list is at most so long. What goes by time comes at its end and goes from its front, both without a move; an entry
/// that comes between others moves half of them.
const FEW: usize = 128;

/// Sorted by key.
#[derive(Debug, Default)]
pub(super) enum Sorted<K, V> {
    #[default]
    Empty,
    /// The usual case, beside what else is known of its owner: behind a pointer it would cost each visit a cache miss.
    One([(K, V); 1]),
    Few(VecDeque<(K, V)>),
    Many(BTreeMap<K, V>),
}

impl<K: Ord, V> Sorted<K, V> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::One(_) => 1,
            Self::Few(list) => list.len(),
            Self::Many(tree) => tree.len(),
        }
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        match self {
            Self::Empty => None,
            Self::One([(only, value)]) => K::cmp(only, key).is_eq().then_some(value),
            Self::Few(list) => list.get(position(list, key).ok()?).map(|(_, value)| value),
            Self::Many(tree) => tree.get(key),
        }
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        match self {
            Self::Empty => None,
            Self::One([(only, value)]) => K::cmp(only, key).is_eq().then_some(value),
            Self::Few(list) => list.get_mut(position(list, key).ok()?).map(|(_, value)| value),
            Self::Many(tree) => tree.get_mut(key),
        }
    }

    /// The entry with the greatest key.
    pub(super) fn last(&self) -> Option<(&K, &V)> {
        match self {
            Self::Empty => None,
            Self::One([(only, value)]) => Some((only, value)),
            Self::Few(list) => list.back().map(|(key, value)| (key, value)),
            Self::Many(tree) => tree.last_key_value(),
        }
    }

    pub(super) fn put(&mut self, key: K, value: V) {
        match self {
            Self::Empty => *self = Self::One([(key, value)]),
            Self::One([(only, there)]) if K::cmp(only, &key).is_eq() => *there = value,
            Self::One(_) => self.lengthen(key, value),
            Self::Few(list) => match position(list, &key) {
                Ok(at) => list[at].1 = value,
                Err(_) if list.len() == FEW => self.lengthen(key, value),
                Err(at) => list.insert(at, (key, value)),
            },
            Self::Many(tree) => drop(tree.insert(key, value)),
        }
    }

    /// Puts a new entry into what has no room for it: one becomes few, few become many.
    fn lengthen(&mut self, key: K, value: V) {
        *self = match std::mem::take(self) {
            Self::One([only]) => {
                let mut list = VecDeque::with_capacity(ROOM);
                let at = usize::from(only.0 < key);
                list.push_back(only);
                list.insert(at, (key, value));
                Self::Few(list)
            }
            Self::Few(list) => Self::Many(list.into_iter().chain([(key, value)]).collect()),
            other => other,
        };
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        match self {
            Self::Few(list) => {
                let at = if K::cmp(&list.front()?.0, key).is_eq() { 0 } else { position(list, key).ok()? };
                list.remove(at).map(|(_, value)| value)
            }
            Self::Many(tree) => tree.remove(key),
            Self::One([(only, _)]) if K::cmp(only, key).is_eq() => match std::mem::take(self) {
                Self::One([(_, value)]) => Some(value),
                _ => None,
            },
            Self::One(_) | Self::Empty => None,
        }
    }

    /// The entries of a range, in order; none where it ends before it starts.
    pub(super) fn range(&self, range: &impl RangeBounds<K>) -> Range<'_, K, V> {
        match self {
            Self::One([only])
                if is_after_start(&only.0, range.start_bound()) && is_before_end(&only.0, range.end_bound()) =>
            {
                Range::One(Some(only))
            }
            Self::Few(list) => {
                let end = list_end(list, range.end_bound());
                let start = list_start(list, range.start_bound());
                if start < end { Range::Few(list.range(start..end)) } else { Range::One(None) }
            }
            Self::Many(tree) if !is_inverted(range) => {
                Range::Many(tree.range((range.start_bound(), range.end_bound())))
            }
            _ => Range::One(None),
        }
    }

    /// Visits entries from a key on while the visitor says so.
    pub(super) fn visit(&self, from: Option<&K>, visitor: &mut dyn FnMut(&K, &V) -> bool) {
        let start = from.map_or(Bound::Unbounded, Bound::Included);
        let range: (Bound<&K>, Bound<&K>) = (start, Bound::Unbounded);
        self.range(&range).all(|(key, value)| visitor(key, value));
    }
}

/// Where a key is in a list, or would be. Most that come are behind all others.
fn position<K: Ord, V>(list: &VecDeque<(K, V)>, key: &K) -> Result<usize, usize> {
    match list.back() {
        Some((last, _)) if last < key => Err(list.len()),
        _ => list.binary_search_by(|(at, _)| at.cmp(key)),
    }
}

/// The place behind the last entry of a range.
fn list_end<K: Ord, V>(list: &VecDeque<(K, V)>, end: Bound<&K>) -> usize {
    match list.back() {
        Some((last, _)) if is_before_end(last, end) => list.len(),
        _ => list.partition_point(|(key, _)| is_before_end(key, end)),
    }
}

/// The place of the first entry of a range.
fn list_start<K: Ord, V>(list: &VecDeque<(K, V)>, start: Bound<&K>) -> usize {
    match list.front() {
        Some((first, _)) if is_after_start(first, start) => 0,
        _ => list.partition_point(|(key, _)| !is_after_start(key, start)),
    }
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
pub(super) enum Range<'a, K, V> {
    One(Option<&'a (K, V)>),
    Few(vec_deque::Iter<'a, (K, V)>),
    Many(btree_map::Range<'a, K, V>),
}

impl<K, V> Default for Range<'_, K, V> {
    fn default() -> Self {
        Self::One(None)
    }
}

impl<'a, K, V> Iterator for Range<'a, K, V> {
    type Item = (&'a K, &'a V);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::One(only) => only.take().map(|(key, value)| (key, value)),
            Self::Few(few) => few.next().map(|(key, value)| (key, value)),
            Self::Many(many) => many.next(),
        }
    }
}

impl<K, V> DoubleEndedIterator for Range<'_, K, V> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        match self {
            Self::One(only) => only.take().map(|(key, value)| (key, value)),
            Self::Few(few) => few.next_back().map(|(key, value)| (key, value)),
            Self::Many(many) => many.next_back(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Short and long maps answer alike, for every kind of range and at the edge where a list becomes a tree.
    #[test]
    fn it_is_a_map() {
        for len in [0u32, 1, 2, 5, 127, 128, 129, 200] {
            let (mut sorted, mut tree) = (Sorted::default(), BTreeMap::new());
            for i in 0..len {
                let key = i.wrapping_mul(2_654_435_761) % 277;
                sorted.put(key, i);
                tree.insert(key, i);
            }
            for key in [3, 50, 96, 12, 276, 0] {
                assert_eq!(sorted.remove(&key), tree.remove(&key), "{len} entries");
            }
            assert_eq!(sorted.len(), tree.len());
            assert_eq!(sorted.last(), tree.last_key_value(), "{len} entries");
            for key in 0..277 {
                assert_eq!(sorted.get(&key), tree.get(&key), "{len} entries");
                assert_eq!(sorted.get_mut(&key), tree.get_mut(&key), "{len} entries");
            }
            let bounds = |k| [Bound::Included(k), Bound::Excluded(k), Bound::Unbounded];
            for (start, end) in [(10, 160), (160, 10), (20, 20), (0, 276)] {
                for (start, end) in bounds(start).into_iter().flat_map(|s| bounds(end).map(|e| (s, e))) {
                    let expected = tree.iter().filter(|(k, _)| (start, end).contains(*k));
                    assert!(sorted.range(&(start, end)).eq(expected.clone()), "{len} entries, {start:?}, {end:?}");
                    assert!(sorted.range(&(start, end)).rev().eq(expected.rev()), "{len} entries, {start:?}, {end:?}");
                }
            }
        }
    }
}
