//! The yardstick: the same work in timely 0.31 as one writes it by hand, without fault tolerance. Epochs of 10 ms from
//! the worker's clock, at most four of them open, batches of 1,024.
use crate::records::{Wide, step};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};
use timely::container::CapacityContainerBuilder as Build;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::generic::source;
use timely::dataflow::operators::vec::{Filter, Map};
use timely::dataflow::operators::{Operator, Probe};
use timely::dataflow::{ProbeHandle, Scope, StreamVec};
use timely::{CommunicationConfig, Config, ExchangeData, WorkerConfig};

const BATCH: u64 = 1024;

/// Runs `graph` behind a source of `count` records; seconds.
fn run<T: Clone + 'static>(
    workers: usize,
    count: u64,
    make: fn(u64) -> T,
    graph: impl for<'s> Fn(StreamVec<'s, u64, T>, &ProbeHandle<u64>) + Send + Sync + 'static,
) -> f64 {
    let began = Instant::now();
    let config = Config { communication: CommunicationConfig::Process(workers), worker: WorkerConfig::default() };
    let guards = timely::execute(config, move |worker| {
        let probe = ProbeHandle::new();
        let (index, peers) = (worker.index() as u64, worker.peers() as u64);
        worker.dataflow(|scope| graph(numbers(scope, count, index, peers, make, probe.clone()), &probe));
        while worker.step_or_park(None) {}
    });
    drop(guards.expect("threads can be had"));
    began.elapsed().as_secs_f64()
}

fn numbers<T: Clone + 'static>(
    scope: Scope<'_, u64>,
    count: u64,
    index: u64,
    peers: u64,
    make: fn(u64) -> T,
    probe: ProbeHandle<u64>,
) -> StreamVec<'_, u64, T> {
    source::<_, Build<Vec<T>>, _, _>(scope, "numbers", move |cap, info| {
        let activator = scope.activator_for(info.address);
        let (mut cap, mut next, began) = (Some(cap), index, Instant::now());
        move |out| {
            let Some(held) = cap.as_mut() else { return };
            let epoch = began.elapsed().as_millis() as u64 / 10;
            if probe.with_frontier(|f| f.first().is_some_and(|f| *held.time() > f + 3)) {
                return activator.activate_after(Duration::from_micros(20));
            }
            if epoch > *held.time() {
                held.downgrade(&epoch);
            }
            let mut batch: Vec<T> = (0..BATCH).map(|i| next + i * peers).take_while(|n| *n < count).map(make).collect();
            next += BATCH * peers;
            out.session(held).give_container(&mut batch);
            if next < count { activator.activate() } else { cap = None }
        }
    })
}

/// Eight maps and a filter, an operator for each.
pub fn chain_of_operators(workers: usize, count: u64, make: fn(u64) -> Wide) -> f64 {
    run(workers, count, make, |stream, probe| {
        let mut stream = stream;
        for _ in 0..8 {
            stream = stream.map(step);
        }
        let kept = stream.filter(|w| !w.key.is_multiple_of(8));
        end(kept, probe);
    })
}

/// All of it in one operator.
pub fn chain_in_one(workers: usize, count: u64, make: fn(u64) -> Wide) -> f64 {
    run(workers, count, make, |stream, probe| {
        let kept = stream.unary::<Build<Vec<Wide>>, _, _, _>(Pipeline, "all", |_, _| {
            |input, out| {
                let all = |w: Wide| step(step(step(step(step(step(step(step(w))))))));
                input.for_each(|cap, batch| {
                    out.session(&cap).give_iterator(batch.drain(..).map(all).filter(|w| !w.key.is_multiple_of(8)));
                });
            }
        });
        end(kept, probe);
    })
}

/// Counts by key, and emits each new count.
pub fn keyed_count<K: ExchangeData + Hash + Eq + Clone>(
    workers: usize,
    count: u64,
    make: fn(u64) -> K,
    hash: fn(&K) -> u64,
) -> f64 {
    run(workers, count, make, move |stream, probe| {
        let counted = stream.unary::<Build<Vec<(K, u64)>>, _, _, _>(Exchange::new(hash), "count", |_, _| {
            let mut counts: HashMap<K, u64, FixedState> = HashMap::default();
            move |input, out| {
                input.for_each_time(|cap, batches| {
                    let mut session = out.session(&cap);
                    for batch in batches {
                        session.give_iterator(batch.drain(..).map(|key| {
                            let n = counts.entry(key.clone()).or_insert(0);
                            *n += 1;
                            (key, *n)
                        }));
                    }
                });
            }
        });
        end(counted, probe);
    })
}

fn end<T: Clone + 'static>(stream: StreamVec<'_, u64, T>, probe: &ProbeHandle<u64>) {
    let sink = stream
        .unary::<Build<Vec<()>>, _, _, _>(Pipeline, "sink", |_, _| |input, _| input.for_each(|_, batch| batch.clear()));
    let _ = sink.probe_with(probe);
}
