//! Queries that join two of the three kinds of events, or bids with a table elsewhere: q3, q8, q13 and q20.
use super::{apart, bids};
use crate::events::Event;
use crate::full_bid::FullBid;
use crate::row::{Row, fnv, row, wide};
use crate::side::{SIDE_ROWS, side_input};
use millstream::prelude::*;
use std::convert::Infallible;

/// Who in some states sells something of category 10.
pub fn q3(events: Stream<Event>) -> Stream<Row> {
    let (locals, sellers) = apart(events, |event| match event {
        Event::Person(person) if ["OR", "ID", "CA"].contains(&&*person.state) => Some(Either::Left(*person)),
        Event::Auction(auction) if auction.category == 10 => Some(Either::Right((auction.seller, auction.id))),
        _ => None,
    });
    locals.key_by(|person| person.id).join(
        "q3-join",
        sellers.key_by(|(seller, _)| *seller),
        |_, person, (_, auction)| row(*auction, fnv(&person.name), fnv(&person.city), fnv(&person.state)),
    )
}

/// Who has opened an auction in the window in which he has registered.
pub fn q8(events: Stream<Event>) -> Stream<Row> {
    let (registered, sellers) = apart(events, |event| match event {
        Event::Person(person) => Some(Either::Left((person.id, person.name))),
        Event::Auction(auction) => Some(Either::Right(auction.seller)),
        Event::Bid(_) => None,
    });
    let (registered, sellers) = (registered.key_by(|(id, _)| *id), sellers.key_by(|seller| *seller));
    registered.co_group("q8-join", sellers, Tumbling::of(secs(10)), |group| {
        let new = group.left.first().filter(|_| !group.right.is_empty());
        new.map(|(id, name)| row(*id, fnv(name), group.start.0 as u64, 0))
    })
}

/// Bids with what a table elsewhere has for their auction.
pub fn q13(events: Stream<Event>) -> Stream<Row> {
    let side = Cached::new(20_000, hours(1), async |key: &u64| Ok::<_, Infallible>(side_input(*key)));
    let joined = bids(events).async_map("q13-side-input", Calls::at_once(64), async move |bid| {
        let value = side.get(&(bid.auction % SIDE_ROWS)).await?;
        Ok::<_, Infallible>(row(bid.auction, bid.bidder, bid.price, bid.ts ^ value))
    });
    joined.or_fail()
}

/// Bids with their auctions, of category 10.
pub fn q20(events: Stream<Event<FullBid>>) -> Stream<Row> {
    let (lots, bids) = apart(events, |event| match event {
        Event::Auction(auction) if auction.category == 10 => Some(Either::Left(*auction)),
        Event::Bid(bid) => Some(Either::Right(bid)),
        _ => None,
    });
    let (lots, bids) = (lots.key_by(|auction| auction.id), bids.key_by(|full| full.bid.auction));
    lots.join("q20-join", bids, |_, a, FullBid { bid, url, extra }| {
        let of_bid = [bid.auction, bid.bidder, bid.price, bid.channel, fnv(url), bid.ts, fnv(extra)];
        let of_auction = [fnv(&a.item), a.initial, a.reserve, a.ts, a.expires, a.seller, a.category];
        wide(of_bid.into_iter().chain(of_auction))
    })
}
