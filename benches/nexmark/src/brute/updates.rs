//! q18 and q19: what is left of all changes in the end.
use super::{Events, Table, Total, bids};
use crate::row::{row, wide};

pub fn q18(events: Events<'_>) -> Total {
    let mut last: Table<(u64, u64), (u64, u64)> = Table::default();
    for bid in bids(events) {
        let kept = last.entry((bid.bidder, bid.auction)).or_default();
        *kept = (*kept).max((bid.ts, bid.price));
    }
    last.into_iter().map(|((bidder, auction), (ts, price))| row(bidder, auction, price, ts)).collect()
}

pub fn q19(events: Events<'_>) -> Total {
    let mut all: Table<u64, Vec<(u64, u64, u64)>> = Table::default();
    for bid in bids(events) {
        all.entry(bid.auction).or_default().push((u64::MAX - bid.price, bid.ts, bid.bidder));
    }
    let mut total = Total::default();
    for (auction, mut bids) in all {
        bids.sort_unstable();
        for (rank, (price, ts, bidder)) in (1..=10).zip(bids) {
            total.add(wide([auction, rank, bidder, u64::MAX - price, ts]));
        }
    }
    total
}
