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
        Event::Bid(bid) => Some(Either::Right(bid)),
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

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Sold {
    lot: Lot,
    bid: Bid,
}

/// Finds the highest bid on an auction while that is open; of several the oldest, then the one of the lowest bidder.
struct Winner;

#[derive(KeyedState)]
struct Auctioned {
    lot: Value<Lot>,
    best: Value<Bid>,
    /// Bids that came before their auction: from another split, or on one that has not begun.
    early: List<Bid>,
}

/// Bids without an auction are looked at so often.
const TIDY: Duration = millis(100);

impl Winner {
    fn offer(lot: &Lot, bid: Bid, best: &mut Value<Bid>) {
        let order = |bid: &Bid| (bid.price, Reverse(bid.ts), Reverse(bid.bidder));
        let counts = (lot.from..=lot.expires).contains(&bid.ts);
        if counts && best.get().is_none_or(|best| order(&bid) > order(best)) {
            best.set(bid);
        }
    }
}

impl Process2 for Winner {
    type Key = u64;
    type Left = Lot;
    type Right = Bid;
    type Out = Sold;
    type State = Auctioned;
    type Timer = ();

    fn on_left(&mut self, lot: Lot, ctx: &mut Ctx2<Self>) {
        let Auctioned { best, early, .. } = &mut ctx.state;
        early.iter_ref().for_each(|bid| Self::offer(&lot, *bid, best));
        early.clear();
        ctx.state.lot.set(lot);
        ctx.timer_at(Timestamp::from(lot.expires + 1), ());
    }

    fn on_right(&mut self, bid: Bid, ctx: &mut Ctx2<Self>) {
        let at = Timestamp::from(bid.ts);
        if let Some(lot) = ctx.state.lot.get() {
            Self::offer(lot, bid, &mut ctx.state.best);
        } else if ctx.watermark() <= at {
            ctx.state.early.push(bid);
            ctx.timer_at(at.floor(TIDY) + TIDY, ());
        }
    }

    fn on_timer(&mut self, (): (), ctx: &mut Ctx2<Self>) {
        let watermark = ctx.watermark();
        let closed = ctx.state.lot.get().copied().filter(|lot| Timestamp::from(lot.expires) < watermark);
        if let Some(lot) = closed {
            if let Some(bid) = ctx.state.best.take() {
                ctx.emit_at(Sold { lot, bid }, Timestamp::from(lot.expires));
            }
            ctx.state.lot.clear();
        }
        // Whose auction has not come by now were too early for it.
        if ctx.state.early.iter_ref().all(|bid| Timestamp::from(bid.ts) < watermark) {
            ctx.state.early.clear();
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
