//! A query as a job of Millstream.
use crate::delays::Lateness;
use crate::events::{Event, FromBid};
use crate::queries::{Query, Variant};
use crate::recovery::Recovery;
use crate::row::Total;
use crate::stopwatch::Stopwatch;
use crate::tally::Tally;
use millstream::prelude::*;
use millstream::runtime::run::Status;
use std::sync::Arc;

/// So far may a split run ahead of the others in event time: less would keep workers waiting.
const AHEAD: Duration = millis(500);

/// How events are generated, and what is told when.
#[derive(Clone, Default)]
pub struct Load {
    pub events: u64,
    pub splits: u32,
    /// Events a second.
    pub rate: Option<u64>,
    /// Started with the first event after a fifth of them.
    pub stopwatch: Stopwatch,
    /// Begun with the first event.
    pub lateness: Option<Lateness>,
    /// Told of each event; the status is asked to stop when all is caught up.
    pub recovery: Option<(Recovery, Arc<Status>)>,
}

impl Load {
    /// Makes an event of its number: the same each time. Whoever watches is told.
    pub fn maker<B: FromBid>(&self) -> impl Fn(u64) -> Event<B> + use<B> {
        let (fifth, stopwatch) = (self.events / 5, self.stopwatch.clone());
        let (lateness, recovery) = (self.lateness.clone(), self.recovery.clone());
        move |n| {
            if n == fifth {
                stopwatch.start();
            }
            if let Some(lateness) = lateness.as_ref().filter(|_| n == 0) {
                lateness.begin();
            }
            if let Some((recovery, status)) = &recovery
                && recovery.note(n)
            {
                status.stop();
            }
            Event::nth(n)
        }
    }

    fn source<B: FromBid>(&self) -> Generate<Event<B>, impl Fn(u64) -> Event<B> + 'static> {
        let made = generate(self.events, self.maker()).splits(self.splits);
        if let Some(rate) = self.rate { made.rate(rate) } else { made }
    }
}

/// Draws the query's graph, from its source to its sink.
pub fn draw(job: &Job, query: &Query, load: &Load, tally: &Tally) {
    // Lateness goes by the times of rows, so all have one where it is measured.
    let timed = query.is_timed || load.lateness.is_some();
    let rows = match query.variant {
        Variant::Plain(graph, _) => graph(events(job, load, timed)),
        Variant::Full(graph, _) => graph(events(job, load, timed)),
    };
    rows.sink("rows", tally.clone());
}

fn events<B: FromBid>(job: &Job, load: &Load, timed: bool) -> Stream<Event<B>> {
    let events = job.source("events", load.source::<B>());
    if timed { events.event_time(Event::ts, Watermark::ascending().aligned(AHEAD)) } else { events }
}

/// What the query gives on these events, as a plain loop.
pub fn reference(query: &Query, load: &Load) -> Total {
    let total = match query.variant {
        Variant::Plain(_, plain) => plain(&mut (0..load.events).map(load.maker())),
        Variant::Full(_, plain) => plain(&mut (0..load.events).map(load.maker())),
    };
    load.stopwatch.stop();
    total
}
