//! The queries, as a user of the public API writes them.
mod joins;
mod stateless;
mod statistics;
mod updates;
mod windows;
mod winners;

pub use stateless::{whole, whole_bid};

use crate::brute;
use crate::events::{Bid, Event, FromBid};
use crate::full_bid::FullBid;
use crate::row::{Row, Total};
use millstream::prelude::*;

/// One of the queries.
pub struct Query {
    pub name: &'static str,
    /// Whether it goes by event time.
    pub is_timed: bool,
    pub variant: Variant,
}

/// A query as a graph, and as a plain loop.
pub enum Variant {
    Plain(Graph<Bid>, Loop<Bid>),
    /// It reads the texts of bids.
    Full(Graph<FullBid>, Loop<FullBid>),
}

type Graph<B> = fn(Stream<Event<B>>) -> Stream<Row>;
type Loop<B> = fn(&mut dyn Iterator<Item = Event<B>>) -> Total;

const fn plain(name: &'static str, graph: Graph<Bid>, plain_loop: Loop<Bid>) -> Query {
    Query { name, is_timed: false, variant: Variant::Plain(graph, plain_loop) }
}

const fn full(name: &'static str, graph: Graph<FullBid>, plain_loop: Loop<FullBid>) -> Query {
    Query { name, is_timed: false, variant: Variant::Full(graph, plain_loop) }
}

const fn timed(name: &'static str, graph: Graph<Bid>, plain_loop: Loop<Bid>) -> Query {
    Query { name, is_timed: true, variant: Variant::Plain(graph, plain_loop) }
}

/// All there are.
pub const QUERIES: &[Query] = &[
    plain("q0", stateless::q0, brute::q0),
    plain("q1", stateless::q1, brute::q1),
    plain("q2", stateless::q2, brute::q2),
    plain("q3", joins::q3, brute::q3),
    timed("q4", winners::q4, brute::q4),
    timed("q5", windows::q5, brute::q5),
    timed("q6", winners::q6, brute::q6),
    timed("q7", windows::q7, brute::q7),
    timed("q8", joins::q8, brute::q8),
    timed("q9", winners::q9, brute::q9),
    plain("q10", stateless::q10, brute::q10),
    timed("q11", windows::q11, brute::q11),
    timed("q12", windows::q12, brute::q12),
    plain("q13", joins::q13, brute::q13),
    full("q14", stateless::q14, brute::q14),
    timed("q15", statistics::q15, brute::q15),
    timed("q16", statistics::q16, brute::q16),
    timed("q17", statistics::q17, brute::q17),
    plain("q18", updates::q18, brute::q18),
    plain("q19", updates::q19, brute::q19),
    full("q20", joins::q20, brute::q20),
    full("q21", stateless::q21, brute::q21),
    full("q22", stateless::q22, brute::q22),
];

/// The one with this name.
pub fn named(name: &str) -> Option<&'static Query> {
    QUERIES.iter().find(|query| query.name == name)
}

fn bids<B: FromBid>(events: Stream<Event<B>>) -> Stream<B> {
    events.flat_map(Event::bid)
}

/// What a query joins, of two kinds of events: in one pass, so that no event is copied.
fn apart<B: FromBid, L: Data, R: Data>(
    events: Stream<Event<B>>,
    side: impl FnMut(Event<B>) -> Option<Either<L, R>> + 'static,
) -> (Stream<L>, Stream<R>) {
    events.split_flat_map(side)
}
