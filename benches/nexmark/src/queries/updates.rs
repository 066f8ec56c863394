//! Queries whose results change with each record, as changelogs: q18 and q19.
use super::bids;
use crate::events::{Bid, Event as Nexmark};
use crate::row::{Row, row, wide};
use millstream::prelude::*;
use std::cmp::Reverse;

/// The last bid of each bidder on each auction.
pub fn q18(events: Stream<Nexmark>) -> Stream<Row> {
    let keyed = bids(events).key_by(|bid| (bid.bidder, bid.auction));
    keyed.process_fn("q18-last", |(bidder, auction), last: &mut Option<(u64, u64)>, event, out| {
        let Event::Record(bid) = event else { return };
        let newer = Some((bid.ts, bid.price));
        if newer <= *last {
            return;
        }
        let show = |(ts, price)| row(*bidder, *auction, price, ts);
        if let Some(before) = std::mem::replace(last, newer) {
            out.emit(show(before).retracted());
        }
        out.emit(show((bid.ts, bid.price)));
    })
}

/// So many are kept.
const TOP: usize = 10;

/// The highest bids on each auction, with their ranks.
pub fn q19(events: Stream<Nexmark>) -> Stream<Row> {
    bids(events).key_by(|bid| bid.auction).process_fn("q19-top", |_, top: &mut Vec<Bid>, event, out| {
        let Event::Record(bid) = event else { return };
        let place = top.partition_point(|other| order(other) <= order(&bid));
        if place >= TOP {
            return;
        }
        (place..).zip(&top[place..]).for_each(|(rank, moved)| out.emit(ranked(rank, moved).retracted()));
        top.insert(place, bid);
        top.truncate(TOP);
        (place..).zip(&top[place..]).for_each(|(rank, moved)| out.emit(ranked(rank, moved)));
    })
}

/// Of bids with one price the older one is before.
fn order(bid: &Bid) -> (Reverse<u64>, u64, u64) {
    (Reverse(bid.price), bid.ts, bid.bidder)
}

fn ranked(rank: usize, bid: &Bid) -> Row {
    wide([bid.auction, rank as u64 + 1, bid.bidder, bid.price, bid.ts])
}
