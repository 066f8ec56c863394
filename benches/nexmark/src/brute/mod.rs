//! The same queries as plain loops over all events: what every other system must come to.
mod joins;
mod stateless;
mod statistics;
mod updates;
mod windows;
mod winners;

pub use joins::{q3, q8, q13, q20};
pub use stateless::{q0, q1, q2, q10, q14, q21, q22};
pub use statistics::{q15, q16, q17};
pub use updates::{q18, q19};
pub use windows::{q5, q7, q11, q12};
pub use winners::{q4, q6, q9};

use crate::events::{Bid, Event};
use crate::row::Total;
use foldhash::fast::FixedState;
use hashbrown::HashMap;

type Table<K, V> = HashMap<K, V, FixedState>;
type Events<'a, B = Bid> = &'a mut dyn Iterator<Item = Event<B>>;

/// How long windows are, in ms.
const LENGTH: u64 = 10_000;

fn bids<'a, B>(events: Events<'a, B>) -> impl Iterator<Item = B> + use<'a, B> {
    events.filter_map(|event| if let Event::Bid(bid) = event { Some(bid) } else { None })
}

/// The end of the tumbling window that this instant is in.
fn end(ts: u64) -> u64 {
    ts / LENGTH * LENGTH + LENGTH
}
