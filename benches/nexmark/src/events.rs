//! The events: persons, auctions and bids, a pure function of a sequence number.
use crate::row::mix;
use millstream::prelude::*;

/// The event time of the first event, in ms since the Unix epoch.
pub const BASE: u64 = 1_436_918_400_000;
/// So many events share a millisecond.
pub const EVENTS_A_MS: u64 = 100;

/// Of so many events one is a person, three are auctions, and the rest are bids.
const ROUND: u64 = 50;
const FIRST: [&str; 11] =
    ["Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"];
const LAST: [&str; 9] = ["Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"];
const CITY: [&str; 10] =
    ["Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"];
const STATE: [&str; 6] = ["AZ", "CA", "ID", "OR", "WA", "WY"];

/// One event. Of fifty 46 are bids, so the others are boxed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Event<B = Bid> {
    Person(Box<Person>),
    Auction(Box<Auction>),
    Bid(B),
}

#[derive(Clone, Debug, Serialize, Deserialize, State)]
pub struct Person {
    pub id: u64,
    pub name: String,
    pub city: String,
    pub state: String,
    pub card: u64,
    pub ts: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize, State)]
pub struct Auction {
    pub id: u64,
    pub item: String,
    pub seller: u64,
    pub category: u64,
    pub initial: u64,
    pub reserve: u64,
    pub expires: u64,
    pub ts: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, State)]
pub struct Bid {
    pub auction: u64,
    pub bidder: u64,
    pub price: u64,
    pub channel: u64,
    pub ts: u64,
}

/// What may stand for a bid in an event.
pub trait FromBid: Data {
    fn from_bid(bid: Bid) -> Self;
    fn ts(&self) -> u64;
}

impl FromBid for Bid {
    fn from_bid(bid: Bid) -> Self {
        bid
    }
    fn ts(&self) -> u64 {
        self.ts
    }
}

impl<B: FromBid> Event<B> {
    /// The `n`th event.
    pub fn nth(n: u64) -> Self {
        match n % ROUND {
            0 => Self::Person(Box::new(person(n))),
            1..=3 => Self::Auction(Box::new(auction(n))),
            _ => Self::Bid(B::from_bid(bid(n))),
        }
    }

    pub fn ts(&self) -> u64 {
        match self {
            Self::Person(person) => person.ts,
            Self::Auction(auction) => auction.ts,
            Self::Bid(bid) => bid.ts(),
        }
    }

    pub fn person(self) -> Option<Person> {
        if let Self::Person(person) = self { Some(*person) } else { None }
    }

    pub fn auction(self) -> Option<Auction> {
        if let Self::Auction(auction) = self { Some(*auction) } else { None }
    }

    pub fn bid(self) -> Option<B> {
        if let Self::Bid(bid) = self { Some(bid) } else { None }
    }
}

fn h(n: u64, f: u64) -> u64 {
    let place = n.wrapping_mul(16).wrapping_add(f + 1);
    mix(0x4d69_6c6c_7374_7265_u64.wrapping_add(place.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

fn range(h: u64, k: u64) -> u64 {
    ((h >> 32) * k) >> 32
}

fn price(h: u64) -> u64 {
    let exponent = ((h & 0xffff) * 6) >> 16;
    (100_000 + range(h, 900_000)) * 10u64.pow(exponent as u32) / 1000
}

fn pick(of: &[&str], h: u64) -> String {
    of[range(h, of.len() as u64) as usize].into()
}

/// -1 before the first auction.
fn last_auction(n: u64) -> i64 {
    let round = (n / ROUND) as i64;
    match n % ROUND {
        0 => 3 * (round - 1) + 2,
        r @ 1..=3 => 3 * round + r as i64 - 1,
        _ => 3 * round + 2,
    }
}

fn any_person(n: u64, h: u64) -> u64 {
    let people = n / ROUND + 1;
    let active = people.min(1000);
    people - active + range(h, active + 10)
}

/// The number of the person who is hot at the moment.
fn hot_person(n: u64) -> u64 {
    n / ROUND / 100 * 100
}

fn time(n: u64) -> u64 {
    BASE + n / EVENTS_A_MS
}

fn person(n: u64) -> Person {
    let name = format!("{} {}", pick(&FIRST, h(n, 0)), pick(&LAST, h(n, 1)));
    let (city, state, card) = (pick(&CITY, h(n, 2)), pick(&STATE, h(n, 3)), h(n, 4) >> 12);
    Person { id: 1000 + n / ROUND, name, city, state, card, ts: time(n) }
}

fn auction(n: u64) -> Auction {
    let id = 1000u64.wrapping_add_signed(last_auction(n));
    let h0 = h(n, 0);
    let seller = 1000 + if h0 & 3 != 0 { hot_person(n) } else { any_person(n, h0) };
    let initial = price(h(n, 2));
    let horizon = (n + 1666) / EVENTS_A_MS - n / EVENTS_A_MS;
    Auction {
        id,
        item: format!("item {id}"),
        seller,
        category: 10 + range(h(n, 1), 5),
        initial,
        reserve: initial + price(h(n, 3)),
        expires: time(n) + 1 + range(h(n, 4), (2 * horizon).max(1)),
        ts: time(n),
    }
}

fn bid(n: u64) -> Bid {
    let (h0, h1) = (h(n, 0), h(n, 1));
    let last = last_auction(n) as u64; // a bid comes behind three auctions
    let lowest = last.saturating_sub(100);
    Bid {
        auction: 1000 + if h0 & 1 != 0 { last / 100 * 100 } else { lowest + range(h0, last - lowest + 11) },
        bidder: 1000 + if h1 & 3 != 0 { hot_person(n) + 1 } else { any_person(n, h1) },
        price: price(h(n, 2)),
        channel: range(h(n, 3), 10_000),
        ts: time(n),
    }
}
