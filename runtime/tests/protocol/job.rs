//! The job: two sources, a stage keyed by one key, a stage with three inputs keyed by another, calls, a window, a sink.
use crate::operators::*;
use crate::outside::Out;
use crate::records::*;
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::codec::{self, KeyHasher};
use millstream_runtime::graph::{At, DelayingBuild, Graph, OperatorBuild, OperatorInit, Rule};
use millstream_runtime::logic::Logic;
use millstream_runtime::parcel::Parcel;
use millstream_runtime::run::{Jitter, mix};
use millstream_runtime::source::{Found, Progress, Reader, Source, Splits};
use millstream_runtime::stage::{Assigner, Next, Outputs, Stage, StageInit};
use millstream_runtime::time::{Timestamp, Watermark, millis};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};

/// What is outside of all attempts.
#[derive(Default)]
pub struct World {
    /// What is visible, by checkpoint and lane.
    pub committed: Mutex<BTreeMap<(u64, u64), Vec<Rec>>>,
    pub late: AtomicU64,
    pub torn: AtomicU64,
    /// Watermarks that operators had when they took a snapshot.
    frozen: Mutex<BTreeSet<(String, Timestamp)>>,
    /// Windows that fired before the end of the input.
    pub in_time: AtomicU64,
    /// Splits that appeared while the job ran.
    pub appeared: AtomicU64,
}

impl World {
    pub fn frozen(&self) -> MutexGuard<'_, BTreeSet<(String, Timestamp)>> {
        self.frozen.lock().expect("nobody panics with it")
    }
}

/// Draws a job for one attempt, with its seed.
pub type Draw = fn(&Arc<World>, u64, Ending) -> Graph;

/// Calls behind calls, without event time: only the end of the source tells them that they are over.
pub fn draw_untimed(world: &Arc<World>, seed: u64, ending: Ending) -> Graph {
    let graph = Graph::default();
    let of_a = Arc::clone(world);
    let counts = build(false, move |init| Ruled::boxed(init, seed, &of_a, StageA { ending }));
    let a = keyed(&graph.source("main", Lines::new(0, seed, world)), key_a).operator("a", "a", Rule::Mixes, counts);
    let again = calls(&calls(&a, "calls", seed, VIA), "calls again", seed, ANSWER);
    a.union(&again).sink::<Rec, _>("out", Out { world: Arc::clone(world) });
    graph
}

fn calls(at: &At, uid: &str, seed: u64, takes: u8) -> At {
    let make = Box::new(move |init: &OperatorInit<'_>| Calls::boxed(init, seed, takes));
    keyed(at, key_b).delaying("calls", uid, Rule::Mixes, DelayingBuild { exchange: true, make })
}

/// See [`Draw`].
pub fn draw(world: &Arc<World>, seed: u64, ending: Ending) -> Graph {
    let graph = Graph::default();
    let timed = |uid: &str, source: u64| {
        let at = graph.source(uid, Lines::new(source, seed, world));
        let watermark = Watermark::bounded(millis(DISORDER));
        at.event_time(watermark, |mut init| Box::new(Times { assigner: init.assigner.clone(), next: init.next(0) }))
    };
    let (main, side) = (timed("main", 0), timed("side", 1));
    let of_a = Arc::clone(world);
    let a = keyed(&main, key_a).operator(
        "a",
        "a",
        Rule::Mixes,
        build(false, move |init| Ruled::boxed(init, seed, &of_a, StageA { ending })),
    );
    let of_b = Arc::clone(world);
    let b = keyed(&main.union(&side), key_b).meet(
        &keyed(&a, key_b),
        "b",
        "b",
        Rule::NeedsTime,
        build(true, move |init| {
            let is_over = init.watermark == Timestamp::MAX;
            Ruled::boxed(init, seed, &of_b.clone(), StageB { world: of_b, is_over })
        }),
    );
    let calls = calls(&a, "calls", seed, VIA);
    let of_window = Arc::clone(world);
    let window = keyed(&b.union(&calls), key_b).operator(
        "window",
        "window",
        Rule::NeedsTime,
        build(true, move |init| Ruled::boxed(init, seed, &of_window.clone(), Window { world: of_window })),
    );
    let results = a.union(&b).union(&calls).union(&window);
    results.sink::<Rec, _>("out", Out { world: Arc::clone(world) });
    graph
}

fn build(event_time: bool, make: impl FnOnce(&OperatorInit<'_>) -> Result<Box<dyn Logic>> + 'static) -> OperatorBuild {
    OperatorBuild { exchange: true, event_time, processing_time: false, end: false, make: Box::new(make) }
}

/// The way to the worker that owns the key.
fn keyed(at: &At, key: fn(&Rec) -> u64) -> At {
    at.stage("key", Rule::Mixes, move |mut init: StageInit| {
        let (workers, next) = (init.workers, init.next(0));
        Box::new(Deal { key, workers, hasher: KeyHasher::default(), next })
    })
}

struct Deal {
    key: fn(&Rec) -> u64,
    workers: usize,
    hasher: KeyHasher,
    next: Next,
}

impl Stage for Deal {
    fn push(&mut self, batch: Parcel, out: &mut Outputs) -> Result<()> {
        let mut batch: Batch<Rec> = batch.open()?;
        let mut dealt: BTreeMap<usize, Vec<Rec>> = BTreeMap::new();
        for r in batch.drain() {
            let group = codec::key_group(self.hasher.hash(&(self.key)(&r)));
            dealt.entry(codec::owner(group, self.workers)).or_default().push(r);
        }
        for (target, records) in dealt {
            self.next.push(Parcel::to(target, Batch::from(records)), out)?;
        }
        Ok(())
    }
    fn flush(&mut self, out: &mut Outputs) -> Result<()> {
        self.next.flush(out)
    }
}

/// Reads event times.
struct Times {
    assigner: Option<Rc<Assigner>>,
    next: Next,
}

impl Stage for Times {
    fn push(&mut self, batch: Parcel, out: &mut Outputs) -> Result<()> {
        let mut batch: Batch<Rec> = batch.open()?;
        let times: Vec<Timestamp> = batch.iter().map(|r| Timestamp::from(r.2)).collect();
        if let (Some(assigner), Some(split)) = (&self.assigner, batch.split()) {
            assigner.observe(split, &times);
        }
        batch.set_times(times);
        self.next.push(Parcel::new(batch), out)
    }
    fn flush(&mut self, out: &mut Outputs) -> Result<()> {
        self.next.flush(out)
    }
}

/// What a record says it weighs, so that a slice's credit is a few of them and the job has many slices.
const WEIGHT: usize = 256 << 10;

/// A source. All splits of the second are there at once; those of the first appear one after the other in the end, a
/// new one each time it is asked.
struct Lines {
    source: u64,
    seed: u64,
    asked: u64,
    world: Arc<World>,
}

impl Lines {
    fn new(source: u64, seed: u64, world: &Arc<World>) -> Self {
        Self { source, seed, asked: 0, world: Arc::clone(world) }
    }
}

impl Source for Lines {
    type Split = u64;
    type Reader = LineReader;
    fn splits(&mut self) -> Result<Splits<u64>> {
        let all = SPLITS[self.source as usize];
        if self.source > 0 {
            return Ok(Splits::Fixed((0..all).map(Into::into).collect()));
        }
        let there = all.min(APPEARING + self.asked);
        self.world.appeared.fetch_add(u64::from(self.asked > 0 && there < all), SeqCst);
        self.asked += 1;
        let found = (0..there).map(|split| Found { split, after: parents(split).to_vec() }).collect();
        Ok(if there < all { Splits::Growing(found) } else { Splits::Fixed(found) })
    }
    fn open(&self, split: &u64, from: Option<u64>) -> Result<LineReader> {
        let jitter = Jitter::new(mix(self.seed ^ (self.source << 8) ^ (split << 9)));
        Ok(LineReader { source: self.source, split: *split, at: from.unwrap_or(0), jitter })
    }
}

/// Reads at a speed of its own, at random.
struct LineReader {
    source: u64,
    split: u64,
    at: u64,
    jitter: Jitter,
}

impl Reader for LineReader {
    type Item = Rec;
    type Offset = u64;
    fn read(&mut self, batch: &mut Batch<Rec>) -> Result<Progress> {
        let end = len(self.source, self.split);
        let until = end.min(self.at + self.jitter.below(2 + 4 * (self.split % 3 + 1)));
        (self.at..until).for_each(|i| batch.push_sized(record(self.source, self.split, i), WEIGHT));
        self.at = until;
        Ok(if self.at == end { Progress::Ended } else { Progress::More })
    }
    fn offset(&self) -> u64 {
        self.at
    }
}
