//! q4: the mean of the winning bids of each category.
use super::{Build, Events, Rows, Table};
use crate::events::{Bid, Event};
use crate::row::row;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::vec::Map;
use timely::dataflow::operators::{Capability, Operator};

/// Divides the length of the windows.
pub const EPOCH: u64 = 100;
const LENGTH: u64 = 10_000;

/// What crosses to the worker of an auction.
#[derive(Clone, Copy, Serialize, Deserialize)]
enum Side {
    Lot { id: u64, lot: Lot },
    Bid { auction: u64, price: u64, ts: u64 },
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Lot {
    category: u64,
    from: u64,
    expires: u64,
}

/// What is known of an auction: bids come before it where another worker has generated it.
#[derive(Default)]
struct Known {
    lot: Option<Lot>,
    best: u64,
    early: Vec<(u64, u64)>,
}

impl Known {
    fn offer(&mut self, price: u64, ts: u64) {
        match &self.lot {
            Some(lot) if (lot.from..=lot.expires).contains(&ts) => self.best = self.best.max(price),
            Some(_) => {}
            None => self.early.push((price, ts)),
        }
    }
}

/// End of the window, category, price.
type Sold = (u64, u64, u64);

pub fn q4(events: Events<'_>) -> Rows<'_> {
    let sides = events.flat_map(|event| match event {
        Event::Auction(a) => {
            Some(Side::Lot { id: a.id, lot: Lot { category: a.category, from: a.ts, expires: a.expires } })
        }
        Event::Bid(Bid { auction, price, ts, .. }) => Some(Side::Bid { auction, price, ts }),
        Event::Person(_) => None,
    });
    means(winners(sides))
}

/// What is to be looked at when an epoch is over.
type Agenda = BTreeMap<u64, (Capability<u64>, Vec<u64>)>;

fn winners(sides: StreamVec<'_, u64, Side>) -> StreamVec<'_, u64, Sold> {
    let auction = |side: &Side| match side {
        Side::Lot { id, .. } => *id,
        Side::Bid { auction, .. } => *auction,
    };
    sides.unary_frontier::<Build<Sold>, _, _, _>(Exchange::new(auction), "winners", |_, _| {
        let mut known: Table<u64, Known> = Table::default();
        let mut agenda = Agenda::new();
        move |(input, frontier), out| {
            input.for_each_time(|cap, batches| {
                for side in batches.flat_map(|batch| batch.drain(..)) {
                    let mut look = |id, epoch: u64| {
                        agenda.entry(epoch).or_insert_with(|| (cap.delayed(&epoch, 0), vec![])).1.push(id);
                    };
                    match side {
                        Side::Lot { id, lot } => {
                            let one = known.entry(id).or_default();
                            one.lot = Some(lot);
                            std::mem::take(&mut one.early).into_iter().for_each(|(price, ts)| one.offer(price, ts));
                            look(id, lot.expires / EPOCH);
                        }
                        Side::Bid { auction, price, ts } => {
                            let one = known.entry(auction).or_insert_with(|| {
                                look(auction, ts / EPOCH);
                                Known::default()
                            });
                            one.offer(price, ts);
                        }
                    }
                }
            });
            while let Some(first) = agenda.first_entry().filter(|first| !frontier.less_equal(first.key())) {
                let (epoch, (cap, ids)) = first.remove_entry();
                let mut session = out.session(&cap);
                for id in ids {
                    let is_over = |one: &Known| one.lot.is_none_or(|lot| lot.expires / EPOCH <= epoch);
                    let Some(one) = known.get(&id).filter(|one| is_over(one)) else { continue };
                    if let Some(lot) = one.lot.filter(|_| one.best > 0) {
                        session.give((lot.expires / LENGTH * LENGTH + LENGTH, lot.category, one.best));
                    }
                    known.remove(&id);
                }
            }
        }
    })
}

/// By category: the sum of the prices, and how many.
type Means = Table<u64, (u64, u64)>;

fn means(sold: StreamVec<'_, u64, Sold>) -> Rows<'_> {
    sold.unary_frontier::<Build<_>, _, _, _>(Exchange::new(|sold: &Sold| sold.1), "means", |_, _| {
        let mut windows: BTreeMap<u64, (Capability<u64>, Means)> = BTreeMap::new();
        move |(input, frontier), out| {
            input.for_each(|cap, batch| {
                for (end, category, price) in batch.drain(..) {
                    let last = end / EPOCH - 1;
                    let (_, means) = windows.entry(last).or_insert_with(|| (cap.delayed(&last, 0), Means::default()));
                    let (sum, number) = means.entry(category).or_default();
                    (*sum, *number) = (*sum + price, *number + 1);
                }
            });
            while let Some(first) = windows.first_entry().filter(|first| !frontier.less_equal(first.key())) {
                let (last, (cap, means)) = first.remove_entry();
                let end = (last + 1) * EPOCH;
                let rows = means.into_iter().map(|(category, (sum, number))| row(end, category, sum / number, number));
                out.session(&cap).give_iterator(rows);
            }
        }
    })
}
