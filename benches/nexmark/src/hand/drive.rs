//! Events into a graph, rows out of it: batches of 1,024, with at most two stretches of event time on their way.
use super::{Build, Events, Hand, Rows};
use crate::events::{BASE, Bid, EVENTS_A_MS, Event};
use crate::row::{Row, Total};
use crate::run::Load;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::source;
use timely::dataflow::operators::{Operator, Probe};
use timely::dataflow::{ProbeHandle, Scope};
use timely::{CommunicationConfig, Config, WorkerConfig};

const BATCH: usize = 1024;

/// Runs it on so many workers.
pub fn run(hand: Hand, load: &Load, workers: usize) -> Total {
    let total = Arc::new(Mutex::new(Total::default()));
    let (sum, of_load) = (Arc::clone(&total), load.clone());
    let config = Config { communication: CommunicationConfig::Process(workers), worker: WorkerConfig::default() };
    let guards = timely::execute(config, move |worker| {
        let (probe, part) = (ProbeHandle::new(), Numbers::of(worker.index(), worker.peers(), of_load.events));
        let counted = Counted { total: Total::default(), sum: Arc::clone(&sum) };
        worker.dataflow(|scope| {
            let events = events(scope, hand.epoch, part, &of_load, probe.clone());
            count((hand.graph)(events), counted, &probe);
        });
        while worker.step_or_park(None) {}
    });
    drop(guards.expect("threads can be had"));
    load.stopwatch.stop();
    *total.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Every so manieth number.
#[derive(Clone, Copy)]
struct Numbers {
    next: u64,
    step: u64,
    count: u64,
}

impl Numbers {
    fn of(index: usize, peers: usize, count: u64) -> Self {
        Self { next: index as u64, step: peers as u64, count }
    }

    fn is_over(&self) -> bool {
        self.next >= self.count
    }

    /// The stretch of event time that the next number is in.
    fn epoch(&self, length: u64) -> u64 {
        (BASE + self.next / EVENTS_A_MS) / length
    }
}

fn events<'s>(
    scope: Scope<'s, u64>,
    length: u64,
    mut part: Numbers,
    load: &Load,
    probe: ProbeHandle<u64>,
) -> Events<'s> {
    let make = load.maker::<Bid>();
    source::<_, Build<Event>, _, _>(scope, "events", move |cap, info| {
        let activator = scope.activator_for(info.address);
        let mut cap = Some(cap);
        move |out| {
            let Some(held) = cap.as_mut() else { return };
            if part.is_over() {
                cap = None;
                return;
            }
            let epoch = part.epoch(length);
            if probe.with_frontier(|open| open.first().is_some_and(|first| *first != 0 && epoch > first + 1)) {
                return activator.activate_after(Duration::from_micros(20));
            }
            if epoch > *held.time() {
                held.downgrade(&epoch);
            }
            let mut batch = Vec::with_capacity(BATCH);
            while batch.len() < BATCH && !part.is_over() && part.epoch(length) == epoch {
                batch.push(make(part.next));
                part.next += part.step;
            }
            out.session(held).give_container(&mut batch);
            activator.activate();
        }
    })
}

/// What one worker's rows add up to; merged at the end.
struct Counted {
    total: Total,
    sum: Arc<Mutex<Total>>,
}

impl Counted {
    fn add(&mut self, rows: &mut Vec<Row>) {
        rows.drain(..).for_each(|row| self.total.add(row));
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.sum.lock().unwrap_or_else(PoisonError::into_inner).merge(self.total);
    }
}

fn count(rows: Rows<'_>, mut counted: Counted, probe: &ProbeHandle<u64>) {
    let sink = rows.unary::<Build<()>, _, _, _>(Pipeline, "sink", |_, _| {
        move |input, _| input.for_each(|_, batch| counted.add(batch))
    });
    let _ = sink.probe_with(probe);
}
