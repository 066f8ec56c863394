//! Windows of so many records of a key.
use crate::Stream;
use crate::aggregate::Aggregate;
use crate::keyed::Keyed;
use crate::process::{Context, build_to_the_end};
use crate::process_logic::{Handler, ProcessLogic};
use millstream_runtime::data::{Data, Key, State};
use millstream_runtime::graph::Rule;
use millstream_runtime::state::{Domain, Map, Value};
use millstream_runtime::time::Timestamp;
use millstream_runtime::{KeyedState, State};
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

/// A keyed stream in windows of so many records; an aggregate ends it.
#[must_use = "a window without an aggregate does nothing"]
pub struct CountedWindows<K, T> {
    keyed: Keyed<K, T>,
    shape: Counts,
}

/// One result of a window of so many records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, State)]
pub struct Counted<K, V> {
    /// What the records have in common.
    pub key: K,
    /// How many records of the key came before the window.
    pub first: u64,
    /// How many are in it; fewer than asked for at the start of a sliding window, and at the end of the input.
    pub records: u64,
    /// What they come to.
    pub value: V,
}

impl<K: 'static, T: 'static> Keyed<K, T> {
    /// The records of each key in windows of `size` (at least 1), side by side, in the order in which they arrive. What is
    /// left at the end of the input gives a smaller one.
    #[track_caller]
    pub fn count_window(self, size: u64) -> CountedWindows<K, T> {
        CountedWindows { keyed: self, shape: Counts::new(size, size) }
    }
}

impl<K: Key, T: Data> CountedWindows<K, T> {
    /// A window with each `slide`th record (at least 1), of the last `size` ones.
    pub fn every(mut self, slide: u64) -> Self {
        self.shape = Counts::new(self.shape.size, slide);
        self
    }

    /// One aggregate or a tuple of up to six. The result has the event time of the window's last record.
    #[track_caller]
    pub fn aggregate<A: Aggregate<T>>(self, uid: &str, aggregate: A) -> Stream<Counted<K, A::Out>> {
        let windows = CountWindows::<K, T, A> { aggregate, shape: self.shape, of: PhantomData };
        let build = build_to_the_end(move |init| Ok(Box::new(ProcessLogic::open(windows, init, "count_window")?)));
        self.keyed.inner.behind(self.keyed.shuffled(uid).operator("count_window", uid, Rule::Mixes, build))
    }
}

/// Which windows there are. A pane is the longest stretch that no window cuts.
#[derive(Clone, Copy, Debug)]
struct Counts {
    size: u64,
    slide: u64,
    pane: u64,
}

impl Counts {
    fn new(size: u64, slide: u64) -> Self {
        let (size, slide) = (size.max(1), slide.max(1));
        Self { size, slide, pane: divisor(size, slide) }
    }

    /// The end of the first window that ends behind so many records.
    fn next_end(&self, records: u64) -> u64 {
        (records / self.slide + 1).saturating_mul(self.slide)
    }

    fn start(&self, end: u64) -> u64 {
        end.saturating_sub(self.size)
    }
}

fn divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { divisor(b, a % b) }
}

#[derive(KeyedState)]
struct CountState<A: State> {
    seen: Value<Seen>,
    /// By the number of the first record.
    panes: Map<u64, A>,
}

#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Seen {
    records: u64,
    newest: Option<Timestamp>,
}

struct CountWindows<K, T, A> {
    aggregate: A,
    shape: Counts,
    of: PhantomData<fn(K, T)>,
}

type CountContext<K, T, A> = Context<K, CountState<<A as Aggregate<T>>::Acc>, (), Counted<K, <A as Aggregate<T>>::Out>>;

impl<K: Key, T: Data, A: Aggregate<T>> CountWindows<K, T, A> {
    fn add(&mut self, panes: &mut Map<u64, A::Acc>, number: u64, record: &T) {
        let pane = number / self.shape.pane * self.shape.pane;
        if !panes.contains(&pane) {
            panes.insert(pane, self.aggregate.init());
        }
        if let Some(mut acc) = panes.get_mut(&pane) {
            self.aggregate.add(&mut acc, record);
        }
    }

    /// The result of the window from `first` to `end`.
    fn emit(&mut self, first: u64, end: u64, ctx: &mut CountContext<K, T, A>) {
        let mut panes = ctx.state.panes.range_ref(first..end).map(|(_, acc)| acc);
        let Some(mut all) = panes.next().cloned() else { return };
        panes.for_each(|acc| self.aggregate.merge(&mut all, acc.clone()));
        let value = self.aggregate.finish(&all);
        ctx.emit(Counted { key: ctx.key.clone(), first, records: end - first, value });
    }

    /// Drops what no window from this one on needs.
    fn forget(&self, needed: u64, panes: &mut Map<u64, A::Acc>) {
        while let Some(first) = panes.first().map(|(pane, _)| *pane).filter(|pane| *pane < needed) {
            panes.remove(&first);
        }
    }
}

impl<K: Key, T: Data, A: Aggregate<T>> Handler for CountWindows<K, T, A> {
    type Key = K;
    type Left = T;
    type Right = ();
    type Out = Counted<K, A::Out>;
    type State = CountState<A::Acc>;
    type Timer = ();

    fn left(&mut self, record: T, ctx: &mut CountContext<K, T, A>) {
        let mut seen = ctx.state.seen.take().unwrap_or_default();
        if seen.records == 0 {
            ctx.timers.set(Domain::Event, Timestamp::MAX, &());
        }
        let end = self.shape.next_end(seen.records);
        if seen.records >= self.shape.start(end) {
            self.add(&mut ctx.state.panes, seen.records, &record);
        } // else it is in a gap between windows
        seen = Seen { records: seen.records + 1, newest: seen.newest.max(ctx.time) };
        let is_full = seen.records == end;
        ctx.state.seen.set(seen);
        if is_full {
            self.emit(self.shape.start(end), end, ctx);
            self.forget(self.shape.start(self.shape.next_end(end)), &mut ctx.state.panes);
        }
    }

    fn right(&mut self, (): (), _ctx: &mut CountContext<K, T, A>) {}

    /// The end of the input.
    fn timer(&mut self, (): (), ctx: &mut CountContext<K, T, A>) {
        let Some(seen) = ctx.state.seen.take() else { return };
        let first = self.shape.start(self.shape.next_end(seen.records));
        if seen.records % self.shape.slide > 0 && first < seen.records {
            ctx.time = seen.newest;
            self.emit(first, seen.records, ctx);
        }
        ctx.state.panes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_end_with_each_slide_and_panes_are_as_long_as_may_be() {
        let side_by_side = Counts::new(3, 3);
        assert_eq!((0..6).map(|n| side_by_side.next_end(n)).collect::<Vec<_>>(), [3, 3, 3, 6, 6, 6]);
        let sliding = Counts::new(6, 4);
        assert_eq!((sliding.pane, sliding.next_end(4), sliding.start(4), sliding.start(8)), (2, 8, 0, 2));
        assert_eq!(Counts::new(0, 0).pane, 1, "at least one record");
    }
}
