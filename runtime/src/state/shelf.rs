//! What a column keeps for one key: a value, a list, a map or timers behind one interface, with their bytes.
use super::cell::{Cell, Stamp};
use super::column::Kind;
use crate::codec;
use crate::data::{Schema, State, StoredSchema};

/// The cells of one key in one column, by sub-key, in the order of sub-keys.
pub(super) trait Shelf: Default + 'static {
    /// Where in the shelf.
    type Sub: Ord + Clone + 'static;
    /// What is there.
    type Item: 'static;
    /// When it was written.
    type Stamp: Stamp;
    /// An order over all keys of the column, where it has one.
    type Index: Default;
    /// On disk, in the column's description.
    const KIND: Kind;

    fn get(&self, sub: &Self::Sub) -> Option<&Cell<Self::Item, Self::Stamp>>;
    fn get_mut(&mut self, sub: &Self::Sub) -> Option<&mut Cell<Self::Item, Self::Stamp>>;
    /// Puts a cell in, in place of one that was there.
    fn put(&mut self, sub: Self::Sub, cell: Cell<Self::Item, Self::Stamp>);
    fn remove(&mut self, sub: &Self::Sub) -> Option<Cell<Self::Item, Self::Stamp>>;
    fn len(&self) -> usize;
    /// Visits cells from a sub-key on (from the start without one) while the visitor says so.
    fn visit(&self, from: Option<&Self::Sub>, visitor: Visitor<'_, Self::Sub, Self::Item, Self::Stamp>);

    /// The schemas of sub-key and value, where they have one.
    fn schemas() -> Vec<Schema>;
    /// Whether every part of what was stored can be read: the first that cannot.
    fn unreadable(stored: &[StoredSchema]) -> Option<usize>;
    fn encode_sub(sub: &Self::Sub, out: &mut Vec<u8>) -> Result<(), String>;
    fn decode_sub(stored: &[StoredSchema], bytes: &[u8]) -> Result<Self::Sub, String>;
    fn encode_item(item: &Self::Item, out: &mut Vec<u8>) -> Result<(), String>;
    fn decode_item(stored: &[StoredSchema], bytes: &[u8]) -> Result<Self::Item, String>;
    /// Whether sub-key and value survive their encoding.
    fn check(sub: &Self::Sub, item: &Self::Item) -> Result<(), String>;

    /// A cell was put in where there was none.
    fn added(_index: &mut Self::Index, _slot: u32, _sub: &Self::Sub) {}
    /// A cell was taken out.
    fn removed(_index: &mut Self::Index, _slot: u32, _sub: &Self::Sub) {}
}

/// Sees one cell after the other, until it says false.
pub(super) type Visitor<'v, Sub, Item, Stamp> = &'v mut (dyn FnMut(&Sub, &Cell<Item, Stamp>) -> bool + 'v);

/// Reads what was written under `stored`, of this or an older version of the type.
///
/// # Errors
/// Where the bytes are no such value, the migration fails, or there is none.
pub fn read_stored<T: State>(stored: &StoredSchema, bytes: &[u8]) -> Result<T, String> {
    match read_as(stored, bytes) {
        Some(read) => read,
        None => Err(format!("`{}` version {} is no version of `{}`", stored.name, stored.version, T::SCHEMA.name)),
    }
}

/// As [`read_stored`], but `None` where `stored` is no version of the type. `#[state(from = ..)]` calls it.
pub fn read_as<T: State>(stored: &StoredSchema, bytes: &[u8]) -> Option<Result<T, String>> {
    if stored.fingerprint == T::SCHEMA.fingerprint { Some(codec::decode(bytes)) } else { T::migrate(stored, bytes) }
}

/// Reads a part of a cell whose schema is at `at` of its column's description.
pub(super) fn read_part<T: State>(stored: &[StoredSchema], at: usize, bytes: &[u8]) -> Result<T, String> {
    let schema = stored.get(at).ok_or("its column is described without a schema")?;
    read_stored(schema, bytes)
}

pub(super) fn is_readable<T: State>(stored: &[StoredSchema], at: usize) -> bool {
    stored.get(at).is_some_and(StoredSchema::is_readable_as::<T>)
}

/// The cell of a shelf.
pub(super) type CellOf<S> = Cell<<S as Shelf>::Item, <S as Shelf>::Stamp>;
