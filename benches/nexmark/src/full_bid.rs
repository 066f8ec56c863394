//! Bids with the texts that some queries read: they are functions of the bid.
use crate::events::{Bid, FromBid};
use crate::row::mix;
use millstream::prelude::*;
use std::fmt::Write;

/// The channels that have a name; each has an eighth of all bids.
const NAMED: [&str; 4] = ["Apple", "Google", "Facebook", "Baidu"];
const LETTERS: &[u8; 16] = b"abcdefghijklmnop";

/// A bid with its texts.
#[derive(Clone, Debug, Serialize, Deserialize, State)]
pub struct FullBid {
    pub bid: Bid,
    /// `https://www.nexmark.com/<dir1>/<dir2>/<dir3>/item.htm?query=1`, and the channel's number in nine of ten.
    pub url: String,
    /// 10 to 16 letters from `a` to `p`.
    pub extra: String,
}

impl FromBid for FullBid {
    fn from_bid(bid: Bid) -> Self {
        let mut letters = mix(bid.price ^ bid.ts.rotate_left(32) ^ bid.bidder);
        let mut dir = || {
            letters = mix(letters);
            word(letters, 5)
        };
        let mut url = format!("https://www.nexmark.com/{}/{}/{}/item.htm?query=1", dir(), dir(), dir());
        if !bid.channel.is_multiple_of(10) {
            let _ = write!(url, "&channel_id={}", bid.channel); // a String takes everything
        }
        Self { bid, url, extra: word(mix(!letters), 10 + (letters % 7) as usize) }
    }
    fn ts(&self) -> u64 {
        self.bid.ts
    }
}

fn word(bits: u64, length: usize) -> String {
    (0..length).map(|i| char::from(LETTERS[(bits >> (4 * (i % 16))) as usize % 16])).collect()
}

/// The name of a channel.
pub fn channel_name(channel: u64) -> String {
    match NAMED.get(channel as usize % 8) {
        Some(name) => name.to_string(),
        None => format!("channel-{channel}"),
    }
}
