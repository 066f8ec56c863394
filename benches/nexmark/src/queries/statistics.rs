//! Statistics of each day: q15 to q17. A day's row comes when it is over, in one piece.
use super::bids;
use crate::calendar;
use crate::events::{Bid, Event};
use crate::row::{Row, fnv, wide};
use millstream::prelude::*;

/// Of all bids.
pub fn q15(events: Stream<Event>) -> Stream<Row> {
    let days = in_parts("q15", bids(events), |_| ()).key_by(|_| ()).window(day());
    days.aggregate("q15-statistics", totals()).map(|w| {
        let (bids, bidders, auctions) = w.value;
        let all = flat(bids).into_iter().chain(flat(bidders)).chain(flat(auctions));
        wide([fnv(&calendar::day(w.start.0 as u64))].into_iter().chain(all))
    })
}

/// Of each channel, with the last minute in which there was a bid.
pub fn q16(events: Stream<Event>) -> Stream<Row> {
    let days = in_parts("q16", bids(events), |bid| bid.channel).key_by(|(channel, _)| *channel).window(day());
    let last = max(|(_, part): &(u64, Part)| part.last);
    days.aggregate("q16-statistics", (totals(), last)).map(|w| {
        let ((bids, bidders, auctions), last) = w.value;
        let head = [w.key, fnv(&calendar::day(w.start.0 as u64)), fnv(&calendar::minute(last.unwrap_or(0)))];
        wide(head.into_iter().chain(flat(bids)).chain(flat(bidders)).chain(flat(auctions)))
    })
}

/// Of each auction, with the least, the highest, the mean and the sum of its prices.
pub fn q17(events: Stream<Event>) -> Stream<Row> {
    let prices = (min(|bid: &Bid| bid.price), max(|bid: &Bid| bid.price), sum(|bid: &Bid| bid.price));
    let days = bids(events).key_by(|bid| bid.auction).window(day());
    days.aggregate("q17-statistics", (by_rank(count), prices)).map(|w| {
        let (bids, (least, highest, sum)) = w.value;
        let prices = [least.unwrap_or(0), highest.unwrap_or(0), sum / bids.0, sum];
        wide([w.key, fnv(&calendar::day(w.start.0 as u64))].into_iter().chain(flat(bids)).chain(prices))
    })
}

/// Below 10,000, below 1,000,000, and the rest.
fn rank(bid: &Bid) -> u64 {
    match bid.price {
        ..10_000 => 1,
        10_000..1_000_000 => 2,
        _ => 3,
    }
}

/// Of all records, and of those of each rank.
type Ranked = (u64, u64, u64, u64);

fn flat((all, first, second, third): Ranked) -> [u64; 4] {
    [all, first, second, third]
}

/// What `make` makes, of all records, and of those of each rank.
fn by_rank<A: Aggregate<Bid, Out = u64>>(make: impl Fn() -> A) -> impl Aggregate<Bid, Out = Ranked> {
    let of = |wanted| only(move |bid: &Bid| rank(bid) == wanted, make());
    (make(), of(1), of(2), of(3))
}

fn day() -> Tumbling {
    Tumbling::of(days(1))
}

/// What one bidder or one auction adds to the statistics of a day.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Part {
    bids: Ranked,
    bidders: Ranked,
    auctions: Ranked,
    last: u64,
}

/// Who is different from all others is found by a key of its own: else one key would have to keep them all.
fn in_parts<G: Key + Copy>(uid: &str, bids: Stream<Bid>, group: fn(&Bid) -> G) -> Stream<(G, Part)> {
    let of_bidders = bids.clone().key_by(move |bid| (group(bid), bid.bidder)).window(day());
    let of_bidders = of_bidders.aggregate(&format!("{uid}-bidders"), (by_rank(count), max(|bid: &Bid| bid.ts)));
    let of_auctions = bids.key_by(move |bid| (group(bid), bid.auction)).window(day());
    let of_auctions = of_auctions.aggregate(&format!("{uid}-auctions"), by_rank(count));
    let of_bidders = of_bidders.map(|w| {
        let (bids, last) = w.value;
        (w.key.0, Part { bids, bidders: seen(bids), auctions: NONE, last: last.unwrap_or(0) })
    });
    of_bidders
        .union(of_auctions.map(|w| (w.key.0, Part { bids: NONE, bidders: NONE, auctions: seen(w.value), last: 0 })))
}

const NONE: Ranked = (0, 0, 0, 0);

/// One where there is any.
fn seen((all, first, second, third): Ranked) -> Ranked {
    (all.min(1), first.min(1), second.min(1), third.min(1))
}

fn totals<G: 'static>() -> impl Aggregate<(G, Part), Out = (Ranked, Ranked, Ranked)> {
    (total(|part: &Part| part.bids), total(|part: &Part| part.bidders), total(|part: &Part| part.auctions))
}

fn total<G: 'static>(of: fn(&Part) -> Ranked) -> impl Aggregate<(G, Part), Out = Ranked> {
    let column = |pick: fn(Ranked) -> u64| sum(move |(_, part): &(G, Part)| pick(of(part)));
    (column(|r| r.0), column(|r| r.1), column(|r| r.2), column(|r| r.3))
}
