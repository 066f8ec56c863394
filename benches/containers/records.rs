//! Three kinds of records.
use columnar::{Columnar, Ref};
use millstream::data::Data;
use serde::{Deserialize, Serialize};

/// A record that can be made of a number, and read.
pub trait Record: Data + Columnar {
    fn nth(n: u64) -> Self;
    /// Reads all of it.
    fn weigh(&self) -> u64;
    fn weigh_ref(record: Ref<'_, Self>) -> u64;
}

pub type Pair = (u64, u64);

impl Record for Pair {
    fn nth(n: u64) -> Self {
        (n, n / 2)
    }
    fn weigh(&self) -> u64 {
        self.0 ^ self.1
    }
    fn weigh_ref((a, b): Ref<'_, Self>) -> u64 {
        a ^ b
    }
}

#[derive(Clone, Columnar, Serialize, Deserialize)]
pub struct Bid {
    auction: u64,
    bidder: u64,
    price: u64,
    channel: u64,
    at: u64,
}

impl Record for Bid {
    fn nth(n: u64) -> Self {
        Self { auction: n / 10, bidder: n / 3, price: n % 1000, channel: n % 4, at: n }
    }
    fn weigh(&self) -> u64 {
        self.auction ^ self.bidder ^ self.price ^ self.channel ^ self.at
    }
    fn weigh_ref(bid: Ref<'_, Self>) -> u64 {
        bid.auction ^ bid.bidder ^ bid.price ^ bid.channel ^ bid.at
    }
}

const TEXTS: [&str; 3] = ["twenty letters and no", "one bid on an auction", "a text like any other"];

#[derive(Clone, Columnar, Serialize, Deserialize)]
pub struct Word {
    text: String,
    by: i64,
}

impl Record for Word {
    fn nth(n: u64) -> Self {
        Self { text: TEXTS[n as usize % TEXTS.len()].to_owned(), by: 1 }
    }
    fn weigh(&self) -> u64 {
        self.text.bytes().map(u64::from).sum::<u64>() ^ self.by.unsigned_abs()
    }
    fn weigh_ref(word: Ref<'_, Self>) -> u64 {
        word.text.iter().copied().map(u64::from).sum::<u64>() ^ word.by.unsigned_abs()
    }
}
