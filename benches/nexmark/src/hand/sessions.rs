//! q11: sessions of bidders.
use super::{Build, Events, Rows, Table};
use crate::row::{Row, row};
use std::collections::BTreeMap;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::vec::Map;
use timely::dataflow::operators::{Capability, Operator};

/// Shorter than the gap, so the bids of a bidder within it belong together.
pub const EPOCH: u64 = 1_000;
const GAP: u64 = 10_000;

/// Bids that belong together.
#[derive(Clone, Copy)]
struct Session {
    bids: u64,
    first: u64,
    last: u64,
}

impl Session {
    fn merge(&mut self, other: Session) {
        self.bids += other.bids;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }

    fn row(&self, bidder: u64) -> Row {
        row(bidder, self.bids, self.first, self.last + GAP)
    }
}

/// The timestamp is the number of a second. What it has is added to the sessions, second by second, when it is over.
pub fn q11(events: Events<'_>) -> Rows<'_> {
    let bids = events.flat_map(|event| event.bid().map(|bid| (bid.bidder, bid.ts)));
    bids.unary_frontier::<Build<_>, _, _, _>(Exchange::new(|bid: &(u64, u64)| bid.0), "sessions", |cap, _| {
        let mut epochs: BTreeMap<u64, (Capability<u64>, Table<u64, Session>)> = BTreeMap::new();
        let mut open: Table<u64, Session> = Table::default();
        let mut held = Some(cap);
        move |(input, frontier), out| {
            input.for_each_time(|cap, batches| {
                let (_, new) = epochs.entry(*cap.time()).or_insert_with(|| (cap.retain(0), Table::default()));
                for (bidder, ts) in batches.flat_map(|batch| batch.drain(..)) {
                    let one = Session { bids: 1, first: ts, last: ts };
                    new.entry(bidder).and_modify(|session| session.merge(one)).or_insert(one);
                }
            });
            while let Some(first) = epochs.first_entry().filter(|first| !frontier.less_equal(first.key())) {
                let (epoch, (cap, new)) = first.remove_entry();
                let mut session = out.session(&cap);
                for (bidder, new) in new {
                    let kept = open.entry(bidder).or_insert(Session { bids: 0, ..new });
                    if new.first > kept.last + GAP {
                        session.give(kept.row(bidder));
                        *kept = new;
                    } else {
                        kept.merge(new);
                    }
                }
                let now = (epoch + 1) * EPOCH;
                open.extract_if(|_, kept| kept.last + GAP < now)
                    .for_each(|(bidder, kept)| session.give(kept.row(bidder)));
            }
            if let (true, Some(cap)) = (frontier.is_empty(), &held) {
                out.session(cap).give_iterator(open.drain().map(|(bidder, kept)| kept.row(bidder)));
                held = None;
            }
        }
    })
}
