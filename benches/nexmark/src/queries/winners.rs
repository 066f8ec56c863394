//! Queries on the bids that win their auctions: q4, q6 and q9.
use super::apart;
use crate::events::{Bid, Event};
use crate::row::{Row, row};
use millstream::prelude::*;
use std::cmp::Reverse;

/// The mean of the winning bids of each category, by when the auctions expire.
pub fn q4(events: Stream<Event>) -> Stream<Row> {
    let prices = (sum(|sold: &Sold| sold.bid.price), count());
    let windows = winners("q4-winner", events).key_by(|sold| sold.lot.category).window(Tumbling::of(secs(10)));
    windows.aggregate("q4-mean", prices).map(|w| {
        let (sum, sold) = w.value;
        row(w.end.0 as u64, w.key, sum / sold, sold)
    })
}

/// The mean of the last ten winning bids on what a seller offered, each time that one of his auctions expires.
pub fn q6(events: Stream<Event>) -> Stream<Row> {
    winners("q6-winner", events).key_by(|sold| sold.lot.seller).process("q6-last-ten", LastTen)
}

/// The winning bids.
pub fn q9(events: Stream<Event>) -> Stream<Row> {
    winners("q9-winner", events)
        .map(|Sold { lot, bid }| row(lot.id, bid.bidder, bid.price, bid.ts ^ (lot.seller << 40)))
}

/// What is sold, with the time at which its auction expires.
fn winners(uid: &str, events: Stream<Event>) -> Stream<Sold> {
    let (lots, bids) = apart(events, |event| match event {
        Event::Auction(a) => {
            let (id, seller, category) = (a.id, a.seller, a.category);
            Some(Either::Left(Lot { id, seller, category, from: a.ts, expires: a.expires }))
        }
        Event::Bid(Bid { auction, bidder, price, ts, .. }) => Some(Either::Right(Offer { auction, bidder, price, ts })),
        Event::Person(_) => None,
    });
    lots.key_by(|lot| lot.id).process2(uid, bids.key_by(|bid| bid.auction), Winner)
}

/// What these queries read of an auction.
#[derive(Clone, Copy, Serialize, Deserialize, State)]
struct Lot {
    id: u64,
    seller: u64,
    category: u64,
    from: u64,
    expires: u64,
}

impl Lot {
    fn takes(&self, bid: &Offer) -> bool {
        (self.from..=self.expires).contains(&bid.ts)
    }
}

/// What they read of a bid.
#[derive(Clone, Copy, Serialize, Deserialize, State)]
struct Offer {
    auction: u64,
    bidder: u64,
    price: u64,
    ts: u64,
}

impl Offer {
    /// The highest wins; of several the oldest, then the one of the lowest bidder.
    fn rank(&self) -> impl Ord + use<> {
        (self.price, Reverse(self.ts), Reverse(self.bidder))
    }
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Sold {
    lot: Lot,
    bid: Offer,
}

/// Finds the bid that wins each auction.
struct Winner;

#[derive(KeyedState)]
struct Auctioned {
    known: Value<Known>,
}

/// What is known of an auction.
#[derive(Clone, Serialize, Deserialize, State)]
enum Known {
    /// Bids that came before it: from another split, or on one that has not begun.
    Awaited(Vec<Offer>),
    /// It, and its best bid.
    Open(Lot, Option<Offer>),
}

impl Default for Known {
    fn default() -> Self {
        Self::Awaited(vec![])
    }
}

/// Bids without an auction are looked at so often.
const TIDY: Duration = millis(100);

impl Winner {
    /// When to look whether the auction has come.
    fn look(bid: &Offer) -> Timestamp {
        Timestamp::from(bid.ts).floor(TIDY) + TIDY
    }
}

impl Process2 for Winner {
    type Key = u64;
    type Left = Lot;
    type Right = Offer;
    type Out = Sold;
    type State = Auctioned;
    type Timer = ();

    fn on_left(&mut self, lot: Lot, ctx: &mut Ctx2<Self>) {
        let mut best = None;
        if let Some(Known::Awaited(bids)) = ctx.state.known.get() {
            best = bids.iter().filter(|bid| lot.takes(bid)).max_by_key(|bid| bid.rank()).copied();
            if let Some(at) = bids.first().map(Self::look) {
                ctx.cancel(at, ());
            }
        }
        ctx.state.known.set(Known::Open(lot, best));
        ctx.timer_at(Timestamp::from(lot.expires + 1), ());
    }

    fn on_right(&mut self, bid: Offer, ctx: &mut Ctx2<Self>) {
        match ctx.state.known.get() {
            Some(Known::Open(lot, best)) => {
                if lot.takes(&bid) && best.is_none_or(|best| bid.rank() > best.rank()) {
                    ctx.state.known.set(Known::Open(*lot, Some(bid)));
                }
                return;
            }
            Some(Known::Awaited(_)) => {}
            None if Timestamp::from(bid.ts) < ctx.watermark() => return, // its auction is over
            None => ctx.timer_at(Self::look(&bid), ()),
        }
        if let Known::Awaited(bids) = ctx.state.known.dirty() {
            bids.push(bid);
        }
    }

    fn on_timer(&mut self, (): (), ctx: &mut Ctx2<Self>) {
        let watermark = ctx.watermark();
        match ctx.state.known.get() {
            Some(Known::Open(lot, best)) if Timestamp::from(lot.expires) < watermark => {
                if let Some(sold) = best.map(|bid| Sold { lot: *lot, bid }) {
                    ctx.emit_at(sold, Timestamp::from(sold.lot.expires));
                }
                ctx.state.known.clear();
            }
            Some(Known::Open(..)) | None => {}
            Some(Known::Awaited(bids)) => {
                // Whose auction has not come by now were too early for it.
                match bids.iter().max_by_key(|bid| bid.ts).filter(|last| Timestamp::from(last.ts) >= watermark) {
                    Some(last) => ctx.timer_at(Self::look(last), ()),
                    None => ctx.state.known.clear(),
                }
            }
        }
    }
}

/// The mean of a seller's last ten prices, in the order in which his auctions expire.
struct LastTen;

#[derive(KeyedState)]
struct Prices {
    /// What may not be the next, by expiry and auction.
    waiting: Map<(u64, u64), u64>,
    last: Value<Vec<u64>>,
}

impl Process for LastTen {
    type Key = u64;
    type In = Sold;
    type Out = Row;
    type State = Prices;
    type Timer = ();

    fn on_record(&mut self, Sold { lot, bid }: Sold, ctx: &mut Ctx<Self>) {
        ctx.state.waiting.insert((lot.expires, lot.id), bid.price);
        ctx.timer_at(Timestamp::from(lot.expires + 1), ());
    }

    fn on_timer(&mut self, (): (), ctx: &mut Ctx<Self>) {
        while let Some((place, price)) = ctx.state.waiting.first().map(|(place, price)| (*place, *price)) {
            let (expires, auction) = place;
            if Timestamp::from(expires) >= ctx.time() {
                break;
            }
            ctx.state.waiting.remove(&place);
            let last = ctx.state.last.dirty();
            last.push(price);
            last.drain(..last.len().saturating_sub(10));
            let mean = last.iter().sum::<u64>() / last.len() as u64;
            ctx.emit(row(ctx.key, mean, auction, expires));
        }
    }
}
