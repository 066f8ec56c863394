//! The yardstick: some of the queries as one writes them by hand in timely 0.31, without fault tolerance. The timestamp is
//! the number of a stretch of event time, so a frontier says which windows are over.
mod drive;
mod joins;
mod sessions;
mod stateless;
mod top;
mod winners;

pub use drive::run;

use crate::events::Event;
use crate::row::Row;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;

type Table<K, V> = HashMap<K, V, FixedState>;
type Build<T> = CapacityContainerBuilder<Vec<T>>;
type Events<'s> = StreamVec<'s, u64, Event>;
type Rows<'s> = StreamVec<'s, u64, Row>;

/// A query by hand.
#[derive(Clone, Copy)]
pub struct Hand {
    /// How long a stretch of event time is that has one timestamp, in ms.
    pub epoch: u64,
    pub graph: for<'s> fn(Events<'s>) -> Rows<'s>,
}

/// The one with this name, if it is written by hand.
pub fn named(name: &str) -> Option<Hand> {
    let (epoch, graph): (u64, for<'s> fn(Events<'s>) -> Rows<'s>) = match name {
        "q0" => (1000, stateless::q0),
        "q1" => (1000, stateless::q1),
        "q2" => (1000, stateless::q2),
        "q3" => (1000, joins::q3),
        "q4" => (winners::EPOCH, winners::q4),
        "q5" => (top::SLIDE, top::q5),
        "q7" => (top::LENGTH, top::q7),
        "q8" => (top::LENGTH, joins::q8),
        "q11" => (sessions::EPOCH, sessions::q11),
        _ => return None,
    };
    Some(Hand { epoch, graph })
}
