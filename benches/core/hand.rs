//! The yardstick: the same work in timely 0.31 as one writes it by hand.
use crate::records::{Wide, step};
use crate::yardstick;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::hash::Hash;
use timely::ExchangeData;
use timely::container::CapacityContainerBuilder as Build;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::vec::{Filter, Map};
use timely::dataflow::operators::{Operator, Probe};
use timely::dataflow::{ProbeHandle, StreamVec};

/// Runs `graph` behind a source of `count` records; seconds.
fn run<T: Clone + 'static>(
    workers: usize,
    count: u64,
    make: fn(u64) -> T,
    graph: impl for<'s> Fn(StreamVec<'s, u64, T>, &ProbeHandle<u64>) + Send + Sync + 'static,
) -> f64 {
    yardstick::run(workers, move |scope, share| graph(share.of(scope, count, move |n, _| make(n)), &share.probe))
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
