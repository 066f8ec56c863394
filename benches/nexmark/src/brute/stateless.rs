//! q0 to q2, q10, q14, q21 and q22.
use super::{Events, Total, bids};
use crate::calendar::{day, hour, minute};
use crate::events::{Bid, Event};
use crate::full_bid::{FullBid, channel_name};
use crate::row::{Row, fnv, row, wide};

pub fn q0(events: Events<'_>) -> Total {
    let mut total = Total::default();
    for event in events {
        total.add(match event {
            Event::Bid(bid) => of_bid(&bid, bid.price),
            Event::Person(p) => row(p.id, fnv(&p.name), fnv(&p.city).wrapping_add(fnv(&p.state)), p.ts ^ p.card),
            Event::Auction(a) => row(
                a.id,
                a.seller ^ fnv(&a.item),
                a.category + a.initial * 31 + a.reserve * 37,
                a.ts ^ (a.expires << 20),
            ),
        });
    }
    total
}

pub fn q1(events: Events<'_>) -> Total {
    bids(events).map(|bid| of_bid(&bid, bid.price * 908 / 1000)).collect()
}

pub fn q2(events: Events<'_>) -> Total {
    bids(events).filter(|bid| bid.auction % 123 == 0).map(|bid| row(bid.auction, bid.price, 0, 0)).collect()
}

pub fn q10(events: Events<'_>) -> Total {
    bids(events).map(|bid| row(of_bid(&bid, bid.price).hash(), fnv(&day(bid.ts)), fnv(&minute(bid.ts)), 0)).collect()
}

pub fn q14(events: Events<'_, FullBid>) -> Total {
    let mut total = Total::default();
    for FullBid { bid, extra, .. } in bids(events) {
        let price = bid.price * 908 / 1000;
        if price <= 1_000_000 || price >= 50_000_000 {
            continue;
        }
        let hour = hour(bid.ts);
        let times = if (8..=18).contains(&hour) {
            "dayTime"
        } else if hour <= 6 || hour >= 20 {
            "nightTime"
        } else {
            "otherTime"
        };
        let letters = extra.matches('c').count() as u64;
        total.add(wide([bid.auction, bid.bidder, price, fnv(times), bid.ts, fnv(&extra), letters]));
    }
    total
}

pub fn q21(events: Events<'_, FullBid>) -> Total {
    let mut total = Total::default();
    for FullBid { bid, url, .. } in bids(events) {
        let channel = channel_name(bid.channel);
        let by_name = ["Apple", "Google", "Facebook", "Baidu"].iter().position(|name| *name == channel);
        let in_url = url.find("&channel_id=").map(|at| url[at + 12..].to_string());
        if let Some(id) = by_name.map(|id| id.to_string()).or(in_url) {
            total.add(wide([bid.auction, bid.bidder, bid.price, fnv(&channel), fnv(&id)]));
        }
    }
    total
}

pub fn q22(events: Events<'_, FullBid>) -> Total {
    let mut total = Total::default();
    for FullBid { bid, url, .. } in bids(events) {
        let parts: Vec<&str> = url.split('/').collect();
        let channel = fnv(&channel_name(bid.channel));
        total.add(wide([bid.auction, bid.bidder, bid.price, channel, fnv(parts[3]), fnv(parts[4]), fnv(parts[5])]));
    }
    total
}

fn of_bid(bid: &Bid, price: u64) -> Row {
    row(bid.auction, bid.bidder, price, bid.ts.wrapping_mul(10_007).wrapping_add(bid.channel))
}
