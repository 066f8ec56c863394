//! q3, q8, q13 and q20: first one side, then the other.
use super::{Events, LENGTH, Table, Total, bids};
use crate::events::{Auction, Event, Person};
use crate::full_bid::FullBid;
use crate::row::{fnv, row, wide};
use crate::side::{SIDE_ROWS, side_input};

fn persons_and_auctions(events: Events<'_>) -> (Table<u64, Person>, Vec<Auction>) {
    let (mut persons, mut auctions) = (Table::default(), vec![]);
    for event in events {
        match event {
            Event::Person(person) => drop(persons.insert(person.id, *person)),
            Event::Auction(auction) => auctions.push(*auction),
            Event::Bid(_) => {}
        }
    }
    (persons, auctions)
}

pub fn q3(events: Events<'_>) -> Total {
    let (persons, auctions) = persons_and_auctions(events);
    let mut total = Total::default();
    for auction in auctions.iter().filter(|auction| auction.category == 10) {
        let seller = persons.get(&auction.seller).filter(|p| p.state == "OR" || p.state == "ID" || p.state == "CA");
        if let Some(p) = seller {
            total.add(row(auction.id, fnv(&p.name), fnv(&p.city), fnv(&p.state)));
        }
    }
    total
}

pub fn q8(events: Events<'_>) -> Total {
    let (mut persons, auctions) = persons_and_auctions(events);
    let mut total = Total::default();
    for auction in auctions {
        let window = |ts: u64| ts / LENGTH * LENGTH;
        let is_new = |person: &Person| window(person.ts) == window(auction.ts);
        if persons.get(&auction.seller).is_some_and(is_new)
            && let Some(person) = persons.remove(&auction.seller)
        {
            total.add(row(person.id, fnv(&person.name), window(person.ts), 0));
        }
    }
    total
}

pub fn q13(events: Events<'_>) -> Total {
    let table: Vec<u64> = (0..SIDE_ROWS).map(side_input).collect();
    let value = |auction: u64| table[(auction % SIDE_ROWS) as usize];
    bids(events).map(|bid| row(bid.auction, bid.bidder, bid.price, bid.ts ^ value(bid.auction))).collect()
}

pub fn q20(events: Events<'_, FullBid>) -> Total {
    let (mut auctions, mut bids): (Table<u64, Auction>, Vec<FullBid>) = Default::default();
    for event in events {
        match event {
            Event::Auction(auction) if auction.category == 10 => drop(auctions.insert(auction.id, *auction)),
            Event::Bid(bid) => bids.push(bid),
            _ => {}
        }
    }
    let mut total = Total::default();
    for FullBid { bid, url, extra } in &bids {
        let Some(a) = auctions.get(&bid.auction) else { continue };
        let of_bid = [bid.auction, bid.bidder, bid.price, bid.channel, fnv(url), bid.ts, fnv(extra)];
        total.add(wide(of_bid.into_iter().chain([
            fnv(&a.item),
            a.initial,
            a.reserve,
            a.ts,
            a.expires,
            a.seller,
            a.category,
        ])));
    }
    total
}
