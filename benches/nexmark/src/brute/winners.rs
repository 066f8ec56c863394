//! q4, q6 and q9: all bids on each auction, looked at in the end.
use super::{Events, Table, Total, end};
use crate::events::{Auction, Bid, Event};
use crate::row::row;
use std::collections::BTreeMap;

/// Auctions with their highest bids, the oldest of several, by expiry and id.
fn winners(events: Events<'_>) -> BTreeMap<(u64, u64), (Auction, Bid)> {
    let (mut auctions, mut bids): (Vec<Auction>, Table<u64, Vec<Bid>>) = Default::default();
    for event in events {
        match event {
            Event::Auction(auction) => auctions.push(*auction),
            Event::Bid(bid) => bids.entry(bid.auction).or_default().push(bid),
            Event::Person(_) => {}
        }
    }
    let mut winners = BTreeMap::new();
    for auction in auctions {
        let on_it = bids.remove(&auction.id).unwrap_or_default().into_iter();
        let in_time = on_it.filter(|bid| auction.ts <= bid.ts && bid.ts <= auction.expires);
        if let Some(best) = in_time.min_by_key(|bid| (u64::MAX - bid.price, bid.ts, bid.bidder)) {
            winners.insert((auction.expires, auction.id), (auction, best));
        }
    }
    winners
}

pub fn q4(events: Events<'_>) -> Total {
    let mut prices: Table<(u64, u64), (u64, u64)> = Table::default();
    for (auction, best) in winners(events).values() {
        let (sum, number) = prices.entry((end(auction.expires), auction.category)).or_default();
        *sum += best.price;
        *number += 1;
    }
    prices.into_iter().map(|((end, category), (sum, number))| row(end, category, sum / number, number)).collect()
}

pub fn q6(events: Events<'_>) -> Total {
    let (mut prices, mut total): (Table<u64, Vec<u64>>, _) = (Table::default(), Total::default());
    for (auction, best) in winners(events).values() {
        let all = prices.entry(auction.seller).or_default();
        all.push(best.price);
        let last = &all[all.len().saturating_sub(10)..];
        total.add(row(auction.seller, last.iter().sum::<u64>() / last.len() as u64, auction.id, auction.expires));
    }
    total
}

pub fn q9(events: Events<'_>) -> Total {
    let row = |(a, bid): &(Auction, Bid)| row(a.id, bid.bidder, bid.price, bid.ts ^ (a.seller << 40));
    winners(events).values().map(row).collect()
}
