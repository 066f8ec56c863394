//! q15 to q17.
use super::{Events, Table, Total, bids};
use crate::calendar::{day, minute};
use crate::events::Bid;
use crate::row::{fnv, wide};
use foldhash::fast::FixedState;
use hashbrown::HashSet;

/// Of all bids, and of those of each rank.
#[derive(Default)]
struct Counts([u64; 4]);

#[derive(Default)]
struct Different([HashSet<u64, FixedState>; 4]);

fn rank(bid: &Bid) -> usize {
    if bid.price < 10_000 {
        1
    } else if bid.price < 1_000_000 {
        2
    } else {
        3
    }
}

impl Counts {
    fn add(&mut self, bid: &Bid) {
        self.0[0] += 1;
        self.0[rank(bid)] += 1;
    }
}

impl Different {
    fn add(&mut self, bid: &Bid, value: u64) {
        self.0[0].insert(value);
        self.0[rank(bid)].insert(value);
    }

    fn counts(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|values| values.len() as u64)
    }
}

#[derive(Default)]
struct Statistics {
    bids: Counts,
    bidders: Different,
    auctions: Different,
    minute: String,
}

impl Statistics {
    fn add(&mut self, bid: &Bid) {
        self.bids.add(bid);
        self.bidders.add(bid, bid.bidder);
        self.auctions.add(bid, bid.auction);
    }

    fn columns(&self) -> impl Iterator<Item = u64> {
        self.bids.0.into_iter().chain(self.bidders.counts()).chain(self.auctions.counts())
    }
}

pub fn q15(events: Events<'_>) -> Total {
    let mut days: Table<u64, Statistics> = Table::default();
    for bid in bids(events) {
        days.entry(date(bid.ts)).or_default().add(&bid);
    }
    days.iter().map(|(date, all)| wide([*date].into_iter().chain(all.columns()))).collect()
}

pub fn q16(events: Events<'_>) -> Total {
    let mut days: Table<(u64, u64), Statistics> = Table::default();
    for bid in bids(events) {
        let all = days.entry((bid.channel, date(bid.ts))).or_default();
        all.add(&bid);
        all.minute = all.minute.clone().max(minute(bid.ts));
    }
    let row = |((channel, date), all): (&(u64, u64), &Statistics)| {
        wide([*channel, *date, fnv(&all.minute)].into_iter().chain(all.columns()))
    };
    days.iter().map(row).collect()
}

pub fn q17(events: Events<'_>) -> Total {
    struct Prices {
        counts: Counts,
        least: u64,
        highest: u64,
        sum: u64,
    }
    let mut days: Table<(u64, u64), Prices> = Table::default();
    for bid in bids(events) {
        let first = || Prices { counts: Counts::default(), least: u64::MAX, highest: 0, sum: 0 };
        let all = days.entry((bid.auction, date(bid.ts))).or_insert_with(first);
        all.counts.add(&bid);
        all.least = all.least.min(bid.price);
        all.highest = all.highest.max(bid.price);
        all.sum += bid.price;
    }
    let row = |((auction, date), all): (&(u64, u64), &Prices)| {
        let prices = [all.least, all.highest, all.sum / all.counts.0[0], all.sum];
        wide([*auction, *date].into_iter().chain(all.counts.0).chain(prices))
    };
    days.iter().map(row).collect()
}

/// The name of a day, as a number.
fn date(ts: u64) -> u64 {
    fnv(&day(ts))
}
