//! An ordered map per key.
use super::cell::Cell;
use super::column::{Column, Kind, sealed::Sealed};
use super::keyed::{Handle, StateSpace};
use super::shelf::{Shelf, is_readable, read_part};
use super::sorted::Sorted;
use super::table::{Guard, Table};
use crate::codec;
use crate::data::{Schema, State, StoredSchema};
use std::ops::{Deref, DerefMut, RangeBounds};
use std::time::Duration;

/// An ordered map per key, an entry per sub-key: a snapshot has the entries that changed, not the map.
pub struct Map<K: State + Ord, V: State>(Table<Entries<K, V>>);

impl<K: State + Ord, V: State> Map<K, V> {
    /// A copy of the value of a sub-key.
    pub fn get(&self, key: &K) -> Option<V> {
        self.get_ref(key).cloned()
    }

    /// The value of a sub-key.
    pub fn get_ref(&self, key: &K) -> Option<&V> {
        self.0.get(key)
    }

    /// The value of a sub-key for writing; the guard marks the entry dirty when it is written through.
    pub fn get_mut<'a>(&'a mut self, key: &'a K) -> Option<MapMut<'a, K, V>> {
        self.0.live_guard(key).map(MapMut)
    }

    /// Whether there is a value.
    pub fn contains(&self, key: &K) -> bool {
        self.get_ref(key).is_some()
    }

    /// Puts a value in, in place of one that was there.
    pub fn insert(&mut self, key: K, value: V) {
        self.0.set(key, value);
    }

    /// Takes an entry out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let slot = self.0.cursor.must();
        self.0.remove(slot, key)
    }

    /// Copies of the entries of a range, in order.
    pub fn range(&self, range: impl RangeBounds<K>) -> impl Iterator<Item = (K, V)> {
        self.range_ref(range).map(|(key, value)| (key.clone(), value.clone()))
    }

    /// The entries of a range, in order, from either end; none where it ends before it starts.
    pub fn range_ref<R: RangeBounds<K>>(
        &self,
        range: R,
    ) -> impl DoubleEndedIterator<Item = (&K, &V)> + use<'_, K, V, R> {
        let entries = self.0.shelf().map(|shelf| shelf.0.range(&range)).unwrap_or_default();
        entries.filter(|(_, cell)| self.0.is_live(cell)).map(|(key, cell)| (key, &cell.value))
    }

    /// Copies of all entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = (K, V)> {
        self.range(..)
    }

    /// The entry with the least sub-key.
    pub fn first(&self) -> Option<(&K, &V)> {
        self.range_ref(..).next()
    }

    /// The entry with the greatest sub-key.
    pub fn last(&self) -> Option<(&K, &V)> {
        let last = self.0.shelf()?.0.last().filter(|(_, cell)| self.0.is_live(cell));
        // One that outlived its TTL is not seen, but one before it may have been written later.
        last.map(|(key, cell)| (key, &cell.value)).or_else(|| self.range_ref(..).next_back())
    }

    /// How many entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.first().is_none()
    }

    /// Removes all entries.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// A guard on an entry of a [`Map`]: dirty once written through.
pub struct MapMut<'a, K: State + Ord, V: State>(Guard<'a, Entries<K, V>>);

impl<K: State + Ord, V: State> Deref for MapMut<'_, K, V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.0
    }
}

impl<K: State + Ord, V: State> DerefMut for MapMut<'_, K, V> {
    fn deref_mut(&mut self) -> &mut V {
        &mut self.0
    }
}

impl<K: State + Ord, V: State> Sealed for Map<K, V> {}

impl<K: State + Ord, V: State> Handle for Map<K, V> {
    fn open(space: &StateSpace, field: &'static str, ttl: Option<Duration>) -> Self {
        Self(Table::new(field, ttl, space.cursor()))
    }

    fn column(&mut self) -> &mut dyn Column {
        &mut self.0
    }
}

/// Map entries. The sub-key is the encoding of the user's.
pub(super) struct Entries<K, V>(pub(super) Sorted<K, Cell<V, i64>>);

impl<K, V> Default for Entries<K, V> {
    fn default() -> Self {
        Self(Sorted::default())
    }
}

impl<K: State + Ord, V: State> Shelf for Entries<K, V> {
    type Sub = K;
    type Item = V;
    type Stamp = i64;
    type Index = ();
    const KIND: Kind = Kind::Map;

    fn get(&self, sub: &K) -> Option<&Cell<V, i64>> {
        self.0.get(sub)
    }
    fn get_mut(&mut self, sub: &K) -> Option<&mut Cell<V, i64>> {
        self.0.get_mut(sub)
    }
    fn put(&mut self, sub: K, cell: Cell<V, i64>) {
        self.0.put(sub, cell);
    }
    fn remove(&mut self, sub: &K) -> Option<Cell<V, i64>> {
        self.0.remove(sub)
    }
    fn len(&self) -> usize {
        self.0.len()
    }
    fn visit(&self, from: Option<&K>, visitor: &mut dyn FnMut(&K, &Cell<V, i64>) -> bool) {
        self.0.visit(from, visitor);
    }
    fn schemas() -> Vec<Schema> {
        vec![K::SCHEMA, V::SCHEMA]
    }
    fn unreadable(stored: &[StoredSchema]) -> Option<usize> {
        let readable = [is_readable::<K>(stored, 0), is_readable::<V>(stored, 1)];
        readable.iter().position(|readable| !readable)
    }
    fn encode_sub(sub: &K, out: &mut Vec<u8>) -> Result<(), String> {
        codec::encode_into(sub, out)
    }
    fn decode_sub(stored: &[StoredSchema], bytes: &[u8]) -> Result<K, String> {
        read_part(stored, 0, bytes)
    }
    fn encode_item(item: &V, out: &mut Vec<u8>) -> Result<(), String> {
        codec::encode_into(item, out)
    }
    fn decode_item(stored: &[StoredSchema], bytes: &[u8]) -> Result<V, String> {
        read_part(stored, 1, bytes)
    }
    fn check(sub: &K, item: &V) -> Result<(), String> {
        codec::check_round_trip(sub)?;
        codec::check_round_trip(item)
    }
}
