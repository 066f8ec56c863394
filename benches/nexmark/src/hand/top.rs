//! q5 and q7: the most of a window.
use super::{Build, Events, Rows, Table};
use crate::row::row;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::vec::Map;
use timely::dataflow::operators::{Capability, Operator};

pub const LENGTH: u64 = 10_000;
pub const SLIDE: u64 = 2_000;

/// A window and the four before it share a slide.
const SLIDES: u64 = LENGTH / SLIDE;

/// The hottest of one worker: the window, the bids, the auctions.
type Hottest = (u64, u64, Vec<u64>);

/// The timestamp is the number of the slide. Counts of each slide, added up when a window is over.
pub fn q5(events: Events<'_>) -> Rows<'_> {
    let auctions = events.flat_map(|event| event.bid().map(|bid| bid.auction));
    let hottest = auctions.unary_frontier::<Build<Hottest>, _, _, _>(Exchange::new(|a: &u64| *a), "count", |_, _| {
        let mut slides: BTreeMap<u64, Table<u64, u64>> = BTreeMap::new();
        let mut due: BTreeMap<u64, Capability<u64>> = BTreeMap::new();
        move |(input, frontier), out| {
            input.for_each_time(|cap, batches| {
                let slide = *cap.time();
                let counts = slides.entry(slide).or_default();
                for last in slide..slide + SLIDES {
                    due.entry(last).or_insert_with(|| cap.delayed(&last, 0));
                }
                batches.for_each(|batch| batch.drain(..).for_each(|auction| *counts.entry(auction).or_default() += 1));
            });
            while let Some(first) = due.first_entry().filter(|first| !frontier.less_equal(first.key())) {
                let (last, cap) = first.remove_entry();
                let oldest = (last + 1).saturating_sub(SLIDES);
                out.session(&cap).give(most(last, slides.range(oldest..=last).map(|(_, counts)| counts)));
                slides.remove(&oldest);
            }
        }
    });
    together(hottest)
}

fn most<'a>(last: u64, slides: impl Iterator<Item = &'a Table<u64, u64>>) -> Hottest {
    let mut counts: Table<u64, u64> = Table::default();
    for slide in slides {
        slide.iter().for_each(|(auction, bids)| *counts.entry(*auction).or_default() += bids);
    }
    let most = counts.values().max().copied().unwrap_or(0);
    (last, most, counts.into_iter().filter(|(_, bids)| *bids == most).map(|(auction, _)| auction).collect())
}

/// Of all workers.
fn together(hottest: timely::dataflow::StreamVec<'_, u64, Hottest>) -> Rows<'_> {
    hottest.unary_frontier::<Build<_>, _, _, _>(Exchange::new(|h: &Hottest| h.0), "hottest", |_, _| {
        let mut windows: BTreeMap<u64, (Capability<u64>, u64, Vec<u64>)> = BTreeMap::new();
        move |(input, frontier), out| {
            input.for_each(|cap, batch| {
                for (last, bids, auctions) in batch.drain(..) {
                    let (_, most, all) = windows.entry(last).or_insert_with(|| (cap.retain(0), 0, vec![]));
                    if bids > *most {
                        (*most, *all) = (bids, auctions);
                    } else if bids == *most {
                        all.extend(auctions);
                    }
                }
            });
            while let Some(first) = windows.first_entry().filter(|first| !frontier.less_equal(first.key())) {
                let (last, (cap, bids, auctions)) = first.remove_entry();
                let end = (last + 1) * SLIDE;
                out.session(&cap).give_iterator(auctions.into_iter().map(|auction| row(end, auction, bids, 0)));
            }
        }
    })
}

type Highest = (u64, Reverse<u64>, Reverse<u64>);

/// The timestamp is the number of the window. The highest of each worker, then of all.
pub fn q7(events: Events<'_>) -> Rows<'_> {
    let bids = events.flat_map(|event| {
        let bid = event.bid()?;
        Some((bid.price, Reverse(bid.auction), Reverse(bid.bidder)))
    });
    let highest = bids.unary_frontier::<Build<(u64, Highest)>, _, _, _>(Pipeline, "highest", |_, _| {
        let mut windows = BTreeMap::new();
        move |(input, frontier), out| {
            input.for_each_time(|cap, batches| {
                let best = batches.flat_map(|batch| batch.drain(..)).max();
                let kept: &mut (Capability<u64>, Option<Highest>) =
                    windows.entry(*cap.time()).or_insert_with(|| (cap.retain(0), None));
                kept.1 = kept.1.max(best);
            });
            while let Some(first) = windows.first_entry().filter(|first| !frontier.less_equal(first.key())) {
                let (window, (cap, best)) = first.remove_entry();
                out.session(&cap).give_iterator(best.map(|best| (window, best)).into_iter());
            }
        }
    });
    highest.unary_frontier::<Build<_>, _, _, _>(Exchange::new(|h: &(u64, Highest)| h.0), "of all", |_, _| {
        let mut windows: BTreeMap<u64, (Capability<u64>, Highest)> = BTreeMap::new();
        move |(input, frontier), out| {
            input.for_each(|cap, batch| {
                for (window, best) in batch.drain(..) {
                    let kept = windows.entry(window).or_insert_with(|| (cap.retain(0), best));
                    kept.1 = kept.1.max(best);
                }
            });
            while let Some(first) = windows.first_entry().filter(|first| !frontier.less_equal(first.key())) {
                let (window, (cap, (price, Reverse(auction), Reverse(bidder)))) = first.remove_entry();
                out.session(&cap).give(row((window + 1) * LENGTH, price, auction, bidder));
            }
        }
    })
}
