//! Statistics of each day: q15 to q17. A day's row comes when it is over, in one piece.
use super::bids;
use crate::calendar;
use crate::events::{Bid, Event};
use crate::row::{Row, fnv, wide};
use millstream::prelude::*;

/// Of all bids. Who is different from all others is found by a key of its own: else one key would have to keep them all.
pub fn q15(events: Stream<Event>) -> Stream<Row> {
    let bids = bids(events);
    let bidders = bids.clone().key_by(|bid| bid.bidder).window(day()).aggregate("q15-bidders", by_rank(count));
    let auctions = bids.key_by(|bid| bid.auction).window(day()).aggregate("q15-auctions", by_rank(count));
    let bidders = bidders.map(|w| Part { bids: w.value, bidders: seen(w.value), auctions: NONE });
    let parts = bidders.union(auctions.map(|w| Part { bids: NONE, bidders: NONE, auctions: seen(w.value) }));
    let totals = (total(|part| part.bids), total(|part| part.bidders), total(|part| part.auctions));
    parts.key_by(|_| ()).window(day()).aggregate("q15-statistics", totals).map(|w| {
        let (bids, bidders, auctions) = w.value;
        let all = flat(bids).into_iter().chain(flat(bidders)).chain(flat(auctions));
        wide([fnv(&calendar::day(w.start.0 as u64))].into_iter().chain(all))
    })
}

/// Of each channel, with the last minute in which there was a bid.
pub fn q16(events: Stream<Event>) -> Stream<Row> {
    bids(events).key_by(|bid| (bid.channel, start_of_day(bid.ts))).process("q16-statistics", Channels)
}

/// Of each auction, with the least, the highest, the mean and the sum of its prices.
pub fn q17(events: Stream<Event>) -> Stream<Row> {
    let prices = (min(|bid: &Bid| bid.price), max(|bid: &Bid| bid.price), sum(|bid: &Bid| bid.price));
    let days = bids(events).key_by(|bid| bid.auction).window(day());
    days.aggregate("q17-statistics", (by_rank(count), prices)).map(|w| {
        let (bids, (least, highest, sum)) = w.value;
        let prices = [least.unwrap_or(0), highest.unwrap_or(0), sum / bids.0, sum];
        wide([w.key, fnv(&calendar::day(w.start.0 as u64))].into_iter().chain(flat(bids)).chain(prices))
    })
}

/// Below 10,000, below 1,000,000, and the rest.
fn rank(bid: &Bid) -> u64 {
    match bid.price {
        ..10_000 => 1,
        10_000..1_000_000 => 2,
        _ => 3,
    }
}

/// Of all records, and of those of each rank.
type Ranked = (u64, u64, u64, u64);

fn flat((all, first, second, third): Ranked) -> [u64; 4] {
    [all, first, second, third]
}

/// What `make` makes, of all records, and of those of each rank.
fn by_rank<A: Aggregate<Bid, Out = u64>>(make: impl Fn() -> A) -> impl Aggregate<Bid, Out = Ranked> {
    let of = |wanted| only(move |bid: &Bid| rank(bid) == wanted, make());
    (make(), of(1), of(2), of(3))
}

fn day() -> Tumbling {
    Tumbling::of(days(1))
}

/// What one bidder or one auction adds to the statistics of a day.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Part {
    bids: Ranked,
    bidders: Ranked,
    auctions: Ranked,
}

const NONE: Ranked = (0, 0, 0, 0);

/// One where there is any.
fn seen((all, first, second, third): Ranked) -> Ranked {
    (all.min(1), first.min(1), second.min(1), third.min(1))
}

fn total(of: fn(&Part) -> Ranked) -> impl Aggregate<Part, Out = Ranked> {
    let column = |pick: fn(Ranked) -> u64| sum(move |part: &Part| pick(of(part)));
    (column(|r| r.0), column(|r| r.1), column(|r| r.2), column(|r| r.3))
}

/// Gives the statistics of a channel's day when that is over.
struct Channels;

/// In maps, so that a checkpoint has only who is new since the last one.
#[derive(KeyedState)]
struct ChannelDay {
    bids: Value<Ranked>,
    last: Value<u64>,
    /// For each bidder a bit of each rank that he has bid in.
    bidders: Map<u64, u8>,
    auctions: Map<u64, u8>,
}

impl Process for Channels {
    type Key = (u64, u64);
    type In = Bid;
    type Out = Row;
    type State = ChannelDay;
    type Timer = ();

    fn on_record(&mut self, bid: Bid, ctx: &mut Ctx<Self>) {
        let (rank, state) = (rank(&bid), &mut ctx.state);
        let one = |wanted| u64::from(rank == wanted);
        let bids = state.bids.dirty();
        *bids = (bids.0 + 1, bids.1 + one(1), bids.2 + one(2), bids.3 + one(3));
        let is_first = bids.0 == 1;
        let last = state.last.dirty();
        *last = bid.ts.max(*last);
        mark(&mut state.bidders, bid.bidder, 1 << rank);
        mark(&mut state.auctions, bid.auction, 1 << rank);
        if is_first {
            ctx.timer_at(Timestamp::from(ctx.key.1) + days(1), ());
        }
    }

    fn on_timer(&mut self, (): (), ctx: &mut Ctx<Self>) {
        let ((channel, day), state) = (ctx.key, &mut ctx.state);
        let head = [channel, fnv(&calendar::day(day)), fnv(&calendar::minute(state.last.take().unwrap_or(0)))];
        let bids = flat(state.bids.take().unwrap_or(NONE));
        let all = bids.into_iter().chain(marked(&state.bidders)).chain(marked(&state.auctions));
        let row = wide(head.into_iter().chain(all));
        state.bidders.clear();
        state.auctions.clear();
        ctx.emit(row);
    }
}

fn start_of_day(ts: u64) -> u64 {
    Timestamp::from(ts).floor(days(1)).0 as u64
}

fn mark(seen: &mut Map<u64, u8>, id: u64, rank: u8) {
    let before = seen.get(&id).unwrap_or(0);
    if before & rank == 0 {
        seen.insert(id, before | rank);
    }
}

/// How many there are, and how many in each rank.
fn marked(seen: &Map<u64, u8>) -> [u64; 4] {
    seen.iter().fold([0; 4], |[all, first, second, third], (_, ranks)| {
        let one = |rank: u8| u64::from(ranks >> rank & 1);
        [all + 1, first + one(1), second + one(2), third + one(3)]
    })
}
