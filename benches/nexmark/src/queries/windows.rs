//! Queries with windows over event time: q5, q7, q11 and q12.
use super::bids;
use crate::events::{Bid, Event};
use crate::row::{Row, row};
use millstream::prelude::*;
use std::cmp::{Ordering, Reverse};

/// How long windows are, and how far apart the bids of a session may be.
const LENGTH: Duration = secs(10);
const SLIDE: Duration = secs(2);

/// The auctions with the most bids of each sliding window.
pub fn q5(events: Stream<Event>) -> Stream<Row> {
    let auctions = bids(events).map(|bid| bid.auction);
    let counts = auctions.key_by(|auction| *auction).window(Sliding::of(LENGTH, SLIDE)).aggregate("q5-bids", count());
    // A result has the last instant of its window, so those of one window are together in a window of the slide's length.
    let hottest = counts.key_by(|_| ()).window(Tumbling::of(SLIDE)).aggregate("q5-hottest", Hottest);
    hottest.flat_map(|w| {
        let (bids, auctions) = w.value;
        auctions.into_iter().map(move |auction| row(w.end.0 as u64, auction, bids, 0))
    })
}

/// The highest bid of each window.
pub fn q7(events: Stream<Event>) -> Stream<Row> {
    let highest = argmax(|bid: &Bid| (bid.price, Reverse(bid.auction), Reverse(bid.bidder)));
    let windows = bids(events).key_by(|_| ()).window(Tumbling::of(LENGTH)).aggregate("q7-highest", highest);
    windows.flat_map(|w| w.value.map(|bid| row(w.end.0 as u64, bid.price, bid.auction, bid.bidder)))
}

/// How often each bidder has bid in a session.
pub fn q11(events: Stream<Event>) -> Stream<Row> {
    let bidders = bids(events).map(|bid| bid.bidder);
    let sessions = bidders.key_by(|bidder| *bidder).window(Session::gap(LENGTH)).aggregate("q11-bids", count());
    sessions.map(|w| row(w.key, w.value, w.start.0 as u64, w.end.0 as u64))
}

/// How often each bidder has bid in each window.
pub fn q12(events: Stream<Event>) -> Stream<Row> {
    let bidders = bids(events).map(|bid| bid.bidder);
    let windows = bidders.key_by(|bidder| *bidder).window(Tumbling::of(LENGTH)).aggregate("q12-bids", count());
    windows.map(|w| row(w.key, w.value, w.end.0 as u64, 0))
}

/// The auctions with the most bids, and how many these are.
struct Hottest;

type Hot = (u64, Vec<u64>);

impl Aggregate<Windowed<u64, u64>> for Hottest {
    type Acc = Hot;
    type Out = Hot;

    fn init(&self) -> Hot {
        (0, vec![])
    }

    fn add(&self, hot: &mut Hot, counted: &Windowed<u64, u64>) {
        match counted.value.cmp(&hot.0) {
            Ordering::Less => {}
            Ordering::Equal => hot.1.push(counted.key),
            Ordering::Greater => *hot = (counted.value, vec![counted.key]),
        }
    }

    fn merge(&self, hot: &mut Hot, other: Hot) {
        match other.0.cmp(&hot.0) {
            Ordering::Less => {}
            Ordering::Equal => hot.1.extend(other.1),
            Ordering::Greater => *hot = other,
        }
    }

    fn finish(&self, hot: &Hot) -> Hot {
        hot.clone()
    }
}
