//! An appended list per key.
use super::cell::Cell;
use super::column::{Column, Kind, sealed::Sealed};
use super::keyed::{Handle, StateSpace};
use super::shelf::{Shelf, is_readable, read_part};
use super::table::Table;
use crate::codec;
use crate::data::{Schema, State, StoredSchema};
use std::collections::VecDeque;
use std::time::Duration;

/// An appended list per key: an append costs one entry, not the list.
pub struct List<T: State>(Table<Elements<T>>);

impl<T: State> List<T> {
    /// Appends an element.
    pub fn push(&mut self, value: T) {
        let next = self.0.shelf().map_or(0, Elements::next);
        self.0.set(next, value);
    }

    /// The elements, in the order in which they were pushed.
    pub fn iter(&self) -> impl Iterator<Item = T> {
        self.iter_ref().cloned()
    }

    /// As [`List::iter`], without copies.
    pub fn iter_ref(&self) -> impl Iterator<Item = &T> {
        let elements = self.0.shelf().into_iter().flat_map(|shelf| &shelf.0);
        elements.filter(|(_, cell)| self.0.is_live(cell)).map(|(_, cell)| &cell.value)
    }

    /// How many elements.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.iter_ref().next().is_none()
    }

    /// Removes all elements.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl<T: State> Sealed for List<T> {}

impl<T: State> Handle for List<T> {
    fn open(space: &StateSpace, field: &'static str, ttl: Option<Duration>) -> Self {
        Self(Table::new(field, ttl, space.cursor()))
    }

    fn column(&mut self) -> &mut dyn Column {
        &mut self.0
    }
}

/// List elements by their index, which is never used again while the list is not empty. The sub-key is the index,
/// 8 bytes, big-endian.
pub(super) struct Elements<T>(pub(super) VecDeque<(u64, Cell<T, i64>)>);

impl<T> Default for Elements<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Elements<T> {
    /// The index of the next element.
    pub(super) fn next(&self) -> u64 {
        self.0.back().map_or(0, |(last, _)| last + 1)
    }

    fn position(&self, index: u64) -> Result<usize, usize> {
        match self.0.back() {
            Some((last, _)) if *last < index => Err(self.0.len()),
            _ => self.0.binary_search_by_key(&index, |(at, _)| *at),
        }
    }
}

impl<T: State> Shelf for Elements<T> {
    type Sub = u64;
    type Item = T;
    type Stamp = i64;
    type Index = ();
    const KIND: Kind = Kind::List;

    fn get(&self, sub: &u64) -> Option<&Cell<T, i64>> {
        self.0.get(self.position(*sub).ok()?).map(|(_, cell)| cell)
    }
    fn get_mut(&mut self, sub: &u64) -> Option<&mut Cell<T, i64>> {
        let at = self.position(*sub).ok()?;
        self.0.get_mut(at).map(|(_, cell)| cell)
    }
    fn put(&mut self, sub: u64, cell: Cell<T, i64>) {
        match self.position(sub) {
            Ok(at) => self.0[at].1 = cell,
            // Most lists have one element: where a buffer grows from nothing, it gets room for four.
            Err(_) if self.0.is_empty() => self.0 = VecDeque::from([(sub, cell)]),
            Err(at) => self.0.insert(at, (sub, cell)),
        }
    }
    fn remove(&mut self, sub: &u64) -> Option<Cell<T, i64>> {
        let at = self.position(*sub).ok()?;
        self.0.remove(at).map(|(_, cell)| cell)
    }
    fn len(&self) -> usize {
        self.0.len()
    }
    fn visit(&self, from: Option<&u64>, visitor: &mut dyn FnMut(&u64, &Cell<T, i64>) -> bool) {
        let start = from.map_or(0, |from| self.position(*from).unwrap_or_else(|at| at));
        self.0.range(start..).all(|(index, cell)| visitor(index, cell));
    }
    fn schemas() -> Vec<Schema> {
        vec![T::SCHEMA]
    }
    fn unreadable(stored: &[StoredSchema]) -> Option<usize> {
        (!is_readable::<T>(stored, 0)).then_some(0)
    }
    fn encode_sub(sub: &u64, out: &mut Vec<u8>) -> Result<(), String> {
        out.extend_from_slice(&sub.to_be_bytes());
        Ok(())
    }
    fn decode_sub(_: &[StoredSchema], bytes: &[u8]) -> Result<u64, String> {
        let index = bytes.try_into().map_err(|_| format!("{} bytes are no index of a list", bytes.len()))?;
        Ok(u64::from_be_bytes(index))
    }
    fn encode_item(item: &T, out: &mut Vec<u8>) -> Result<(), String> {
        codec::encode_into(item, out)
    }
    fn decode_item(stored: &[StoredSchema], bytes: &[u8]) -> Result<T, String> {
        read_part(stored, 0, bytes)
    }
    fn check(_: &u64, item: &T) -> Result<(), String> {
        codec::check_round_trip(item)
    }
}
