//! What may be in a collection, and a change of one.
use millstream_runtime::data::{Data, Schema, State};
use serde::{Deserialize, Serialize};
use std::fmt::Debug;
use std::hash::Hash;

/// A record of a collection: it is sorted, hashed and compared, so that what cancels out is found.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be in a collection",
    label = "derive `Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize` on it"
)]
pub trait Row: Data + Ord + Hash + Debug {}
#[diagnostic::do_not_recommend]
impl<T: Data + Ord + Hash + Debug> Row for T {}

/// A change of a collection: `value` is there so many times more often; where `weight` is negative, less often.
///
/// It is deliberately no key, so that a changelog is not taken for a collection of changes: see
/// [`changes_to_collection`](crate::ChangesToCollection::changes_to_collection).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Change<T> {
    /// The record.
    pub value: T,
    /// How many times more often it is there.
    pub weight: i64,
}

impl<T> Change<T> {
    /// It is there once more.
    pub fn insert(value: T) -> Self {
        Self { value, weight: 1 }
    }

    /// It is there once less.
    pub fn delete(value: T) -> Self {
        Self { value, weight: -1 }
    }
}

impl<T: State> State for Change<T> {
    const SCHEMA: Schema = Schema::new("Change", 1, "{value,weight:i64}").with(T::SCHEMA);
}
