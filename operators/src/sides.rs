//! What joins keep of their two inputs for a key: records by their time, until no counterpart can come any more.
use millstream_runtime::data::State;
use millstream_runtime::state::Map;
use millstream_runtime::time::Timestamp;
use millstream_runtime::{KeyedState, State};
use serde::{Deserialize, Serialize};

/// Records of both inputs, by time and order of arrival.
#[derive(KeyedState)]
pub(crate) struct Sides<T: State, R: State> {
    pub left: Map<Place, T>,
    pub right: Map<Place, R>,
}

/// Where a record stands among those of its key on its side: by time, then in the order of arrival.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, State)]
pub(crate) struct Place {
    pub at: Timestamp,
    nth: u64,
}

impl Place {
    /// Before every record of this time.
    pub fn before(at: Timestamp) -> Self {
        Self { at, nth: 0 }
    }

    /// Behind every record of this time.
    pub fn behind(at: Timestamp) -> Self {
        Self { at, nth: u64::MAX }
    }
}

impl<T: State, R: State> Sides<T, R> {
    /// The time of the oldest record.
    pub fn oldest(&self) -> Option<Timestamp> {
        let (left, right) =
            (self.left.first().map(|(place, _)| place.at), self.right.first().map(|(place, _)| place.at));
        left.into_iter().chain(right).min()
    }

    /// Drops what is before a place.
    pub fn forget(&mut self, needed: Place) {
        forget(&mut self.left, needed);
        forget(&mut self.right, needed);
    }
}

/// Puts a record behind those that have its time.
pub(crate) fn put<V: State>(side: &mut Map<Place, V>, at: Timestamp, record: V) {
    let last = match side.last() {
        Some((last, _)) if last.at > at => side.range_ref(Place::before(at)..=Place::behind(at)).next_back(),
        last => last.filter(|(last, _)| last.at == at),
    };
    let nth = last.map_or(0, |(place, _)| place.nth + 1);
    side.insert(Place { at, nth }, record);
}

/// Drops what is before a place.
pub(crate) fn forget<V: State>(side: &mut Map<Place, V>, needed: Place) {
    while let Some(first) = side.first().map(|(place, _)| *place).filter(|place| *place < needed) {
        side.remove(&first);
    }
}
