//! One value per key.
use super::cell::{Cell, Stamp};
use super::column::{Column, Kind, sealed::Sealed};
use super::keyed::{Handle, StateSpace};
use super::shelf::{Shelf, is_readable, read_part};
use super::table::{Guard, Table};
use crate::codec;
use crate::data::{Schema, State, StoredSchema};
use std::ops::{Deref, DerefMut};
use std::time::Duration;

/// One value per key. `get` reads; `get_mut` hands out a guard that marks the key dirty when it is written through.
pub struct Value<T: State>(Tables<T>);

/// Without a TTL, cells do not carry the time of their last write.
enum Tables<T: State> {
    Plain(Table<One<T, ()>>),
    Timed(Table<One<T, i64>>),
}

macro_rules! either {
    ($self:expr, $table:ident => $then:expr) => {
        match $self {
            Tables::Plain($table) => $then,
            Tables::Timed($table) => $then,
        }
    };
}

impl<T: State> Value<T> {
    /// The value, if there is one.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        either!(&self.0, table => table.get(&()))
    }

    /// The value for writing; the default is put in place where there is none.
    #[inline]
    pub fn get_mut(&mut self) -> ValueMut<'_, T>
    where
        T: Default,
    {
        // Two ways, each with its own guard, so that the first needs no second look-up.
        if self.is_set() { self.guard() } else { self.set_default() }
    }

    /// The value for writing, dirty from now on whether or not it is written: for who writes it anyway. The default is
    /// put in place where there is none.
    ///
    /// ```
    /// # use millstream_runtime::state::{Cursor, StateSpace, Value};
    /// fn count(seen: &mut Value<u64>) -> u64 {
    ///     *seen.dirty() += 1;
    ///     *seen.dirty()
    /// }
    /// ```
    #[inline]
    pub fn dirty(&mut self) -> &mut T
    where
        T: Default,
    {
        if !self.is_set() {
            self.put_default();
        }
        either!(&mut self.0, table => table.dirty(&())).expect("there is a value")
    }

    #[cold]
    #[inline(never)]
    fn put_default(&mut self)
    where
        T: Default,
    {
        self.set(T::default());
    }

    #[cold]
    #[inline(never)]
    fn set_default(&mut self) -> ValueMut<'_, T>
    where
        T: Default,
    {
        self.set(T::default());
        self.guard()
    }

    #[inline]
    fn guard(&mut self) -> ValueMut<'_, T> {
        let guard = match &mut self.0 {
            Tables::Plain(table) => table.guard(&()).map(Guarded::Plain),
            Tables::Timed(table) => table.guard(&()).map(Guarded::Timed),
        };
        ValueMut(guard.expect("there is a value"))
    }

    /// Replaces the value.
    pub fn set(&mut self, value: T) {
        either!(&mut self.0, table => table.set((), value));
    }

    /// Takes the value out.
    pub fn take(&mut self) -> Option<T> {
        either!(&mut self.0, table => table.remove(table.cursor.must(), &()))
    }

    /// Removes the value.
    pub fn clear(&mut self) {
        self.take();
    }

    /// Whether there is a value.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.get().is_some()
    }
}

/// A guard on a [`Value`]: dirty once written through.
pub struct ValueMut<'a, T: State>(Guarded<'a, T>);

enum Guarded<'a, T: State> {
    Plain(Guard<'a, One<T, ()>>),
    Timed(Guard<'a, One<T, i64>>),
}

impl<T: State> Deref for ValueMut<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        match &self.0 {
            Guarded::Plain(guard) => guard,
            Guarded::Timed(guard) => guard,
        }
    }
}

impl<T: State> DerefMut for ValueMut<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.0 {
            Guarded::Plain(guard) => guard,
            Guarded::Timed(guard) => guard,
        }
    }
}

impl<T: State> Sealed for Value<T> {}

impl<T: State> Handle for Value<T> {
    fn open(space: &StateSpace, field: &'static str, ttl: Option<Duration>) -> Self {
        Self(match ttl {
            None => Tables::Plain(Table::new(field, ttl, space.cursor())),
            Some(_) => Tables::Timed(Table::new(field, ttl, space.cursor())),
        })
    }

    fn column(&mut self) -> &mut dyn Column {
        either!(&mut self.0, table => table)
    }
}

/// One value.
pub(super) struct One<T, W>(Option<Cell<T, W>>);

impl<T, W> Default for One<T, W> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: State, W: Stamp> Shelf for One<T, W> {
    type Sub = ();
    type Item = T;
    type Stamp = W;
    type Index = ();
    const KIND: Kind = Kind::Value;

    #[inline]
    fn get(&self, (): &()) -> Option<&Cell<T, W>> {
        self.0.as_ref()
    }
    #[inline]
    fn get_mut(&mut self, (): &()) -> Option<&mut Cell<T, W>> {
        self.0.as_mut()
    }
    fn put(&mut self, (): (), cell: Cell<T, W>) {
        self.0 = Some(cell);
    }
    fn remove(&mut self, (): &()) -> Option<Cell<T, W>> {
        self.0.take()
    }
    fn len(&self) -> usize {
        usize::from(self.0.is_some())
    }
    fn visit(&self, _: Option<&()>, visitor: &mut dyn FnMut(&(), &Cell<T, W>) -> bool) {
        if let Some(cell) = &self.0 {
            visitor(&(), cell);
        }
    }
    fn schemas() -> Vec<Schema> {
        vec![T::SCHEMA]
    }
    fn unreadable(stored: &[StoredSchema]) -> Option<usize> {
        (!is_readable::<T>(stored, 0)).then_some(0)
    }
    fn encode_sub((): &(), _: &mut Vec<u8>) -> Result<(), String> {
        Ok(())
    }
    fn decode_sub(_: &[StoredSchema], bytes: &[u8]) -> Result<(), String> {
        if bytes.is_empty() { Ok(()) } else { Err("a single value has no sub-key".into()) }
    }
    fn encode_item(item: &T, out: &mut Vec<u8>) -> Result<(), String> {
        codec::encode_into(item, out)
    }
    fn decode_item(stored: &[StoredSchema], bytes: &[u8]) -> Result<T, String> {
        read_part(stored, 0, bytes)
    }
    fn check((): &(), item: &T) -> Result<(), String> {
        codec::check_round_trip(item)
    }
}
