//! Queries that look at one event at a time: q0 to q2, q10, q14, q21 and q22.
use super::bids;
use crate::calendar;
use crate::events::{Bid, Event};
use crate::full_bid::{FullBid, channel_name};
use crate::row::{Row, fnv, row, wide};
use millstream::prelude::*;

/// Every event.
pub fn q0(events: Stream<Event>) -> Stream<Row> {
    events.map(|event| whole(&event))
}

/// Bids in another currency.
pub fn q1(events: Stream<Event>) -> Stream<Row> {
    bids(events).map(|bid| whole_bid(&Bid { price: bid.price * 908 / 1000, ..bid }))
}

/// Bids on some auctions.
pub fn q2(events: Stream<Event>) -> Stream<Row> {
    bids(events).filter(|bid| bid.auction.is_multiple_of(123)).map(|bid| row(bid.auction, bid.price, 0, 0))
}

/// Bids with their day and minute.
pub fn q10(events: Stream<Event>) -> Stream<Row> {
    bids(events).map(|bid| row(whole_bid(&bid).hash(), fnv(&calendar::day(bid.ts)), fnv(&calendar::minute(bid.ts)), 0))
}

/// Bids of a range of prices, with the time of the day and how often a letter is in their text.
pub fn q14(events: Stream<Event<FullBid>>) -> Stream<Row> {
    let in_euros = bids(events).map(|full| (full.bid.price * 908 / 1000, full));
    in_euros.filter(|(price, _)| (1_000_001..50_000_000).contains(price)).map(|(price, FullBid { bid, extra, .. })| {
        let times = match calendar::hour(bid.ts) {
            8..=18 => "dayTime",
            ..=6 | 20.. => "nightTime",
            _ => "otherTime",
        };
        let letters = extra.bytes().filter(|b| *b == b'c').count() as u64;
        wide([bid.auction, bid.bidder, price, fnv(times), bid.ts, fnv(&extra), letters])
    })
}

/// Bids with the id of their channel: by its name, or as the URL says.
pub fn q21(events: Stream<Event<FullBid>>) -> Stream<Row> {
    bids(events).flat_map(|FullBid { bid, url, .. }| {
        let channel = channel_name(bid.channel);
        let id = match &*channel.to_lowercase() {
            "apple" => Some("0"),
            "google" => Some("1"),
            "facebook" => Some("2"),
            "baidu" => Some("3"),
            _ => url.split('&').find_map(|part| part.strip_prefix("channel_id=")),
        };
        id.map(|id| wide([bid.auction, bid.bidder, bid.price, fnv(&channel), fnv(id)]))
    })
}

/// Bids with the folders of their URL.
pub fn q22(events: Stream<Event<FullBid>>) -> Stream<Row> {
    bids(events).map(|FullBid { bid, url, .. }| {
        let folders = url.split('/').skip(3).take(3).map(fnv);
        wide([bid.auction, bid.bidder, bid.price, fnv(&channel_name(bid.channel))].into_iter().chain(folders))
    })
}

/// A whole event as a row.
pub fn whole(event: &Event) -> Row {
    match event {
        Event::Bid(bid) => whole_bid(bid),
        Event::Person(p) => row(p.id, fnv(&p.name), fnv(&p.city).wrapping_add(fnv(&p.state)), p.ts ^ p.card),
        Event::Auction(a) => {
            let prices = a.initial.wrapping_mul(31).wrapping_add(a.reserve.wrapping_mul(37));
            row(a.id, a.seller ^ fnv(&a.item), a.category.wrapping_add(prices), a.ts ^ (a.expires << 20))
        }
    }
}

/// A whole bid as a row.
pub fn whole_bid(bid: &Bid) -> Row {
    row(bid.auction, bid.bidder, bid.price, bid.ts.wrapping_mul(10_007).wrapping_add(bid.channel))
}
