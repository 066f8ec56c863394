//! The frame of yardsticks: timely 0.31 as one writes it by hand, without fault tolerance. Epochs of 10 ms from the worker's
//! clock, at most four of them open, batches of 1,024.
use std::time::{Duration, Instant};
use timely::container::CapacityContainerBuilder as Build;
use timely::dataflow::operators::generic::source;
use timely::dataflow::{ProbeHandle, Scope, StreamVec};
use timely::{CommunicationConfig, Config, WorkerConfig};

const BATCH: u64 = 1024;

/// Runs `graph`, whose end is to be probed; seconds.
pub fn run(workers: usize, graph: impl for<'s> Fn(Scope<'s, u64>, &Share) + Send + Sync + 'static) -> f64 {
    let began = Instant::now();
    let config = Config { communication: CommunicationConfig::Process(workers), worker: WorkerConfig::default() };
    let guards = timely::execute(config, move |worker| {
        let (index, peers) = (worker.index() as u64, worker.peers() as u64);
        let share = Share { index, peers, probe: ProbeHandle::new() };
        worker.dataflow(|scope| graph(scope, &share));
        while worker.step_or_park(None) {}
    });
    drop(guards.expect("threads can be had"));
    began.elapsed().as_secs_f64()
}

/// What one worker reads of each input, and the probe that holds it back.
pub struct Share {
    index: u64,
    peers: u64,
    pub probe: ProbeHandle<u64>,
}

impl Share {
    /// Of `count` records, each made of its number and its epoch, those of this worker.
    pub fn of<'s, T: Clone + 'static>(
        &self,
        scope: Scope<'s, u64>,
        count: u64,
        make: impl Fn(u64, u64) -> T + 'static,
    ) -> StreamVec<'s, u64, T> {
        let Self { index, peers, ref probe } = *self;
        let probe = probe.clone();
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
                let numbers = (0..BATCH).map(|i| next + i * peers).take_while(|n| *n < count);
                let mut batch: Vec<T> = numbers.map(|n| make(n, *held.time())).collect();
                next += BATCH * peers;
                out.session(held).give_container(&mut batch);
                if next < count { activator.activate() } else { cap = None }
            }
        })
    }
}
