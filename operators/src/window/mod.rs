//! Windows: over event time, processing time, so many records, or as a trigger has it.

mod agenda;
mod choice;
mod clock;
mod co_group;
mod combine;
mod counted;
mod folding;
mod global;
mod kind;
mod logic;
mod meaning;
mod panes;
mod processing;
mod sessions;
mod shape;
#[cfg(test)]
mod tests;
mod trigger;

pub use co_group::Group;
pub use counted::{Counted, CountedWindows};
pub use global::{Fired, GlobalWindows};
pub use kind::{Aligned, Kind, NeverMerges, Session, Sliding, Tumbling};
pub use processing::ProcessingWindows;
pub use trigger::{Alarms, Every, Fire, Moment, Or, Trigger, When};

use crate::aggregate::Aggregate;
use crate::keyed::Keyed;
use crate::stream::Stream;
use clock::Clock;
use combine::Combine;
use folding::{Closures, Folding, Merging, Partials, Records};
use logic::WindowLogic;
use meaning::Meaning;
use millstream_runtime::State;
use millstream_runtime::data::{Data, Key, State};
use millstream_runtime::graph::{At, OperatorBuild, OperatorInit, Rule};
use millstream_runtime::logic::Logic;
use millstream_runtime::sink::Sink;
use millstream_runtime::state::Cursor;
use millstream_runtime::time::Timestamp;
use panes::PaneWindows;
use serde::{Deserialize, Serialize};
use sessions::Sessions;
use shape::{Panes, Shape};
use std::marker::PhantomData;
use std::panic::Location;
use std::rc::Rc;

/// A keyed stream in windows; an aggregate ends it.
#[must_use = "a window without an aggregate does nothing"]
pub struct Windows<K, T, W> {
    keyed: Keyed<K, T>,
    window: W,
    late: Option<LateSink<T>>,
}

/// What is over when a late record comes.
const MISSED: &str = "their windows had closed";

/// Ends the stream of late records.
type LateSink<T> = Box<dyn FnOnce(Stream<T>)>;

/// One result. A `revision` above 0 replaces the former one: a late record came within the allowed lateness. Its event
/// time is the last instant of the window, 1 ms before `end`; that of a session is its `end`. Of a session, `start` is
/// the first record's time and `end` the last one's plus the gap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, State)]
pub struct Windowed<K, V> {
    /// What the records have in common.
    pub key: K,
    /// The first instant of the window.
    pub start: Timestamp,
    /// The first instant behind the window.
    pub end: Timestamp,
    /// Counted up with each result of the same window.
    pub revision: u32,
    /// What the records come to.
    pub value: V,
}

impl<K: 'static, T: 'static> Keyed<K, T> {
    /// The records of each key in windows over event time. Needs event time upstream: checked when the graph is built.
    #[track_caller]
    pub fn window<W: Kind>(self, window: W) -> Windows<K, T, W> {
        let inner = self.inner.behind(self.inner.at.pass("window", Rule::NeedsTime));
        Windows { keyed: Keyed::new(inner, self.key), window, late: None }
    }
}

impl<K: Key, T: Data, W: Kind> Windows<K, T, W> {
    /// Where records go whose windows are all closed for good. Without it they are counted, and the first of each hour is
    /// logged. With it, records cross to the worker of their key one by one: what is combined before cannot be taken
    /// apart again. Directly behind `event_time`, its own `.late(..)` costs less, and is the same for any number of
    /// workers.
    #[track_caller]
    pub fn late<S: Sink<T>>(mut self, uid: &str, sink: S) -> Self {
        let (uid, at) = (uid.to_string(), Location::caller());
        self.late = Some(Box::new(move |records| records.sink_of(at, &uid, sink)));
        self
    }

    /// One aggregate or a tuple of up to six. Records are combined on their worker before they cross to that of their
    /// key, as long as that makes them fewer; not where late records are asked for. State fits one aggregate, and one
    /// length, slide and gap only: under another a restore is refused, so give the aggregate a new uid.
    #[track_caller]
    pub fn aggregate<A: Aggregate<T>>(self, uid: &str, aggregate: A) -> Stream<Windowed<K, A::Out>> {
        let (aggregate, shape, stream) = (Rc::new(aggregate), self.window.shape(), &self.keyed.inner);
        if let Some(late) = self.late {
            let meaning = Meaning::new(&shape, Clock::Event, aggregate.name());
            let build = build::<K>(meaning, shape, Records { aggregate, of: PhantomData });
            let at = self.keyed.shuffled(uid).operator("aggregate", uid, Rule::Mixes, build);
            return divided::<K, T, A::Out>(stream, at, Some(late));
        }
        let (key, name, sender) = (Rc::clone(&self.keyed.key), uid.to_string(), Rc::clone(&aggregate));
        let combine = move |init| Combine::boxed(&name, key, sender, shape, init);
        let meaning = Meaning::new(&shape, Clock::Event, aggregate.name());
        let build = build::<K>(meaning, shape, Partials { aggregate, of: PhantomData });
        let combined = stream.at.stage("combine", Rule::Keeps, combine);
        stream.behind(combined.operator("aggregate", uid, Rule::Mixes, build))
    }

    /// The simple form: two closures. They cannot merge, so not for sliding and session windows, and nothing is combined
    /// before the exchange.
    #[track_caller]
    pub fn fold<A: State>(
        self,
        uid: &str,
        init: impl Fn() -> A + 'static,
        add: impl FnMut(&mut A, T) + 'static,
    ) -> Stream<Windowed<K, A>>
    where
        W: NeverMerges,
    {
        let (panes, folding) = (self.window.panes(), Closures { init, add, of: PhantomData });
        let meaning = Meaning::new(&Shape::Panes(panes), Clock::Event, String::new());
        let build = built(move |init| open_panes::<K, _>("fold", meaning, (panes, Clock::Event), folding, init));
        let at = self.keyed.shuffled(uid).operator("fold", uid, Rule::Mixes, build);
        divided::<K, T, A>(&self.keyed.inner, at, self.late)
    }
}

type Made = millstream_runtime::Result<Box<dyn Logic>>;

fn built(make: impl FnOnce(&OperatorInit<'_>) -> Made + 'static) -> OperatorBuild {
    OperatorBuild { exchange: true, event_time: true, processing_time: false, end: false, make: Box::new(make) }
}

/// The operator, for any kind of windows.
fn build<K: Key>(meaning: Meaning, shape: Shape, folding: impl Merging<K>) -> OperatorBuild {
    built(move |init| open(meaning, shape, Clock::Event, folding, init))
}

fn open<K: Key>(
    meaning: Meaning,
    shape: Shape,
    clock: Clock,
    folding: impl Merging<K>,
    init: &OperatorInit<'_>,
) -> Made {
    match shape {
        Shape::Panes(panes) => open_panes("aggregate", meaning, (panes, clock), folding, init),
        Shape::Sessions(gap) => {
            let sessions = |cursor: &Rc<Cursor>| Sessions::new(gap, folding, cursor);
            Ok(Box::new(WindowLogic::open(init, "aggregate", meaning, clock, sessions)?))
        }
    }
}

fn open_panes<K: Key, F: Folding<K>>(
    kind: &'static str,
    meaning: Meaning,
    (panes, clock): (Panes, Clock),
    folding: F,
    init: &OperatorInit<'_>,
) -> Made {
    Ok(Box::new(WindowLogic::open(init, kind, meaning, clock, |cursor| PaneWindows::new(panes, folding, cursor))?))
}

/// Results and late records apart.
#[track_caller]
fn divided<K: Key, T: Data, V: Data>(stream: &Stream<T>, at: At, late: Option<LateSink<T>>) -> Stream<Windowed<K, V>> {
    let (results, too_late) = stream.behind(at).split_map::<Windowed<K, V>, T>(|either| either);
    if let Some(late) = late {
        late(too_late);
    }
    results
}
