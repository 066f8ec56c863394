//! q5, q7, q11 and q12: events come in the order of their time.
use super::{Events, LENGTH, Table, Total, bids, end};
use crate::row::row;

const SLIDE: u64 = 2_000;

/// Counts of each auction for each slide; five slides are a window.
pub fn q5(events: Events<'_>) -> Total {
    let mut slides: std::collections::BTreeMap<u64, Table<u64, u64>> = Default::default();
    for bid in bids(events) {
        *slides.entry(bid.ts / SLIDE).or_default().entry(bid.auction).or_default() += 1;
    }
    let (Some(first), Some(last)) = (slides.keys().next().copied(), slides.keys().last().copied()) else {
        return Total::default();
    };
    let mut total = Total::default();
    for newest in first..last + LENGTH / SLIDE {
        let mut counts: Table<u64, u64> = Table::default();
        for (_, slide) in slides.range(newest + 1 - LENGTH / SLIDE..=newest) {
            slide.iter().for_each(|(auction, bids)| *counts.entry(*auction).or_default() += bids);
        }
        let most = counts.values().max().copied().unwrap_or(0);
        let hottest = counts.iter().filter(|(_, bids)| **bids == most);
        hottest.for_each(|(auction, bids)| total.add(row((newest + 1) * SLIDE, *auction, *bids, 0)));
    }
    total
}

pub fn q7(events: Events<'_>) -> Total {
    let mut highest: Table<u64, (u64, u64, u64)> = Table::default();
    for bid in bids(events) {
        let best = highest.entry(end(bid.ts)).or_insert((bid.price, bid.auction, bid.bidder));
        let is_higher = bid.price > best.0 || (bid.price == best.0 && (bid.auction, bid.bidder) < (best.1, best.2));
        if is_higher {
            *best = (bid.price, bid.auction, bid.bidder);
        }
    }
    highest.into_iter().map(|(end, (price, auction, bidder))| row(end, price, auction, bidder)).collect()
}

pub fn q11(events: Events<'_>) -> Total {
    struct Session {
        bids: u64,
        start: u64,
        last: u64,
    }
    let mut total = Total::default();
    let mut open: Table<u64, Session> = Table::default();
    let over = |bidder, s: &Session| row(bidder, s.bids, s.start, s.last + LENGTH);
    for bid in bids(events) {
        let session = open.entry(bid.bidder).or_insert(Session { bids: 0, start: bid.ts, last: bid.ts });
        if bid.ts - session.last > LENGTH {
            total.add(over(bid.bidder, session));
            *session = Session { bids: 0, start: bid.ts, last: bid.ts };
        }
        session.bids += 1;
        session.last = bid.ts;
    }
    open.iter().for_each(|(bidder, session)| total.add(over(*bidder, session)));
    total
}

pub fn q12(events: Events<'_>) -> Total {
    let mut counts: Table<(u64, u64), u64> = Table::default();
    for bid in bids(events) {
        *counts.entry((bid.bidder, end(bid.ts))).or_default() += 1;
    }
    counts.into_iter().map(|((bidder, end), bids)| row(bidder, bids, end, 0)).collect()
}
