//! A collector: the reports of one source, or one delaying operator, become the marks of its origins.
//!
//! Reports go to worker 0 at time e and the minimum comes back at time e, so an operator that fires timers for e emits
//! with the capability that this message brought. One collector for each reporter, each a plain edge of the graph: one
//! for all would be a cycle in which no timestamp grows.
use super::epoch::Epoch;
use super::tick::{Mark, Report};
use super::worker::WorkerCx;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Exchange as ByTarget;
use timely::dataflow::operators::{Capability, Exchange, Operator};

/// Who reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reporter {
    /// The source of this place among the sources; its origins have the numbers from `first` on. `end` is one more where
    /// a delaying operator must hear of its end, and no event time of the source tells it.
    Source { place: usize, first: u32, end: Option<u32> },
    /// The delaying operator with this origin.
    Delaying { origin: u32 },
}

/// The marks of one reporter, on every worker.
pub(crate) fn collector<'s>(
    cx: &WorkerCx,
    who: Reporter,
    reports: StreamVec<'s, Epoch, Report>,
) -> StreamVec<'s, Epoch, Mark> {
    let cx = cx.clone();
    let pact = ByTarget::new(|_: &Report| 0);
    let marks = reports.unary_frontier::<CapacityContainerBuilder<Vec<Mark>>, _, _, _>(pact, "marks", |_, _| {
        let mut open: BTreeMap<Epoch, (Capability<Epoch>, Vec<Report>)> = BTreeMap::new();
        move |(input, frontier), out| {
            input.for_each(|cap, reports| {
                let entry = open.entry(*cap.time()).or_insert_with(|| (cap.retain(0), vec![]));
                entry.1.append(reports);
            });
            while let Some(first) = open.first_entry().filter(|e| !frontier.less_equal(e.key())) {
                let (at, (cap, reports)) = first.remove_entry();
                let marks = publish(&cx, who, at, &reports);
                let targets = 0..cx.workers as u64;
                let to_all = targets.flat_map(|target| marks.iter().map(move |m| Mark { target, ..*m }));
                out.session(&cap).give_iterator(to_all);
            }
        }
    });
    marks.exchange(|m| m.target)
}

/// What the reports of an epoch come to.
fn publish(cx: &WorkerCx, who: Reporter, at: Epoch, reports: &[Report]) -> Vec<Mark> {
    let read = reports.iter().map(|r| r.read).sum::<u64>();
    cx.activity.set(cx.activity.get() + read);
    cx.status.numbers.read.fetch_add(read, Relaxed);
    let mark = |origin: u32, watermark: i64| Mark { target: 0, origin, watermark };
    match who {
        Reporter::Source { place, first, end } => {
            let promised = cx.discovery.borrow_mut().publish(place, at, reports);
            if let Some(least) = cx.discovery.borrow().least_watermark() {
                cx.status.numbers.watermark.store(least, Relaxed);
            }
            cx.wake_ticker_at_the_end();
            let is_over = cx.discovery.borrow().is_source_over(place);
            let ends = end.map(|origin| mark(origin, if is_over { i64::MAX } else { i64::MIN }));
            promised.into_iter().zip(first..).map(|(watermark, origin)| mark(origin, watermark)).chain(ends).collect()
        }
        Reporter::Delaying { origin } => {
            let least = reports.iter().flat_map(|r| r.marks.iter().copied()).min().unwrap_or(i64::MIN);
            cx.delaying.borrow_mut().insert(origin, least);
            cx.wake_ticker_at_the_end();
            vec![mark(origin, least)]
        }
    }
}
