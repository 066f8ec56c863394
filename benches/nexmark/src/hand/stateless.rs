//! q0 to q2.
use super::{Events, Rows};
use crate::events::{Bid, Event};
use crate::queries::{whole, whole_bid};
use crate::row::row;
use timely::dataflow::operators::vec::Map;

pub fn q0(events: Events<'_>) -> Rows<'_> {
    events.map(|event| whole(&event))
}

pub fn q1(events: Events<'_>) -> Rows<'_> {
    events.flat_map(|event| {
        let bid = event.bid()?;
        Some(whole_bid(&Bid { price: bid.price * 908 / 1000, ..bid }))
    })
}

pub fn q2(events: Events<'_>) -> Rows<'_> {
    events.flat_map(|event| match event {
        Event::Bid(bid) if bid.auction.is_multiple_of(123) => Some(row(bid.auction, bid.price, 0, 0)),
        _ => None,
    })
}
