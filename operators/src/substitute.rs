//! Sources and sinks that a test puts in the place of a job's own, by uid. Their contracts stay those of the real ones.
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::codec;
use millstream_runtime::data::Data;
use millstream_runtime::sink::{Sink, Staging, Writer, now};
use millstream_runtime::source::{Progress, Reader, Source, Splits};
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is fed to the sources of a job, and what its sinks have made visible: the outside world of a test.
pub struct Substitutes {
    feeds: BTreeMap<String, Box<dyn Any + Send + Sync>>,
    splits: u32,
    asked: Mutex<Asked>,
    world: Arc<Mutex<World>>,
}

/// What a graph has asked for while it was drawn.
#[derive(Default)]
struct Asked {
    sources: BTreeSet<String>,
    mistakes: BTreeSet<String>,
    /// By the uid of a sink: a record of it as JSON.
    show: BTreeMap<String, fn(&[u8]) -> String>,
}

/// What is outside and survives a crash.
#[derive(Default)]
struct World {
    /// Hidden until committed.
    staged: BTreeMap<Name, Vec<Vec<u8>>>,
    visible: BTreeMap<Name, Vec<Vec<u8>>>,
}

/// The sink's uid, the number of the interval, the worker.
type Name = (String, u64, u64);

impl Default for Substitutes {
    fn default() -> Self {
        Self { feeds: BTreeMap::new(), splits: 2, asked: Mutex::default(), world: Arc::default() }
    }
}

impl Substitutes {
    /// Feeds `items` to the source `uid`, dealt over two splits, or so many as [`Substitutes::set_splits`] says.
    pub fn feed<T: Data + Sync>(&mut self, uid: &str, items: Vec<T>) {
        self.feeds.insert(uid.into(), Box::new(Arc::new(items)));
    }

    /// How many splits each fed source has, at least one. No order is defined between records of different splits.
    pub fn set_splits(&mut self, splits: u32) {
        self.splits = splits.max(1);
    }

    /// What was fed and does not fit the graphs drawn so far: sources without items, of another type, not in the graph.
    pub fn mistakes(&self) -> Vec<String> {
        let asked = lock(&self.asked);
        let has = asked.sources.iter().map(|s| format!("{s:?}")).collect::<Vec<_>>().join(", ");
        let unknown = self.feeds.keys().filter(|uid| !asked.sources.contains(*uid));
        let unknown = unknown.map(|uid| format!("{uid:?} was fed, and the job has no such source; it has {has}"));
        asked.mistakes.iter().cloned().chain(unknown).collect()
    }

    /// What the sinks have made visible: for each uid the encoded records, sorted.
    pub fn visible(&self) -> BTreeMap<String, Vec<Vec<u8>>> {
        let mut all: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
        for ((uid, ..), records) in &lock(&self.world).visible {
            all.entry(uid.clone()).or_default().extend(records.iter().cloned());
        }
        all.values_mut().for_each(|records| records.sort());
        all
    }

    /// An encoded record of the sink `uid` as JSON, for messages.
    pub fn show(&self, uid: &str, record: &[u8]) -> String {
        lock(&self.asked).show.get(uid).map_or_else(|| format!("{record:?}"), |show| show(record))
    }

    /// Forgets everything that is outside.
    pub fn clear(&self) {
        *lock(&self.world) = World::default();
    }

    /// Takes back what was committed by checkpoints above `number`: who goes back to an older checkpoint must, since the
    /// job will write it again.
    pub fn rewind(&self, number: u64) {
        lock(&self.world).visible.retain(|(_, n, _), _| *n <= number);
    }

    pub(crate) fn source<T: Data>(&self, uid: &str) -> Option<Fed<T>> {
        let mut asked = lock(&self.asked);
        asked.sources.insert(uid.into());
        let Some(feed) = self.feeds.get(uid) else {
            let cure = format!("give it its records: .feed({uid:?}, [..]), or .feed_json(..) where it reads bytes");
            asked.mistakes.insert(format!("source {uid:?} was not fed; {cure}"));
            return None;
        };
        let Some(items) = feed.downcast_ref::<Arc<Vec<T>>>() else {
            let wanted = std::any::type_name::<T>();
            let cure = "feed it these, or .feed_json(..) where it reads bytes";
            asked.mistakes.insert(format!("source {uid:?} was fed another type; it yields `{wanted}`: {cure}"));
            return None;
        };
        Some(Fed { items: Arc::clone(items), splits: self.splits })
    }

    pub(crate) fn sink<T: Data>(&self, uid: &str) -> Collected<T> {
        lock(&self.asked).show.insert(uid.into(), show::<T>);
        Collected { uid: uid.into(), world: Arc::clone(&self.world), of: PhantomData }
    }
}

fn show<T: Data>(record: &[u8]) -> String {
    let decoded = codec::decode::<T>(record);
    decoded.and_then(|r| serde_json::to_string(&r).map_err(|e| e.to_string())).unwrap_or_else(|_| format!("{record:?}"))
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A source of given items; its offset is how many of a split have been read.
pub(crate) struct Fed<T> {
    items: Arc<Vec<T>>,
    splits: u32,
}

/// Reads every `splits`-th item, from `split` on.
pub(crate) struct FedReader<T> {
    items: Arc<Vec<T>>,
    splits: u32,
    split: u32,
    read: u64,
}

impl<T: Data> Source for Fed<T>
where
    Arc<Vec<T>>: 'static,
{
    type Split = u32;
    type Reader = FedReader<T>;

    fn splits(&mut self) -> Result<Splits<u32>> {
        Ok(Splits::Fixed((0..self.splits).map(Into::into).collect()))
    }

    fn open(&self, split: &u32, from: Option<u64>) -> Result<FedReader<T>> {
        let (items, splits) = (Arc::clone(&self.items), self.splits);
        Ok(FedReader { items, splits, split: *split, read: from.unwrap_or(0) })
    }
}

impl<T: Data> Reader for FedReader<T> {
    type Item = T;
    type Offset = u64;

    fn read(&mut self, batch: &mut Batch<T>) -> Result<Progress> {
        // Small batches: a test wants many places to die at.
        for _ in 0..8 {
            let index = self.read * u64::from(self.splits) + u64::from(self.split);
            let Some(item) = usize::try_from(index).ok().and_then(|i| self.items.get(i)) else {
                return Ok(Progress::Ended);
            };
            batch.push(item.clone());
            self.read += 1;
        }
        Ok(Progress::More)
    }

    fn offset(&self) -> u64 {
        self.read
    }
}

/// A sink into the world of a test: staged, then visible.
pub(crate) struct Collected<T> {
    uid: String,
    world: Arc<Mutex<World>>,
    of: PhantomData<fn(T)>,
}

pub(crate) struct Collecting<T> {
    uid: String,
    world: Arc<Mutex<World>>,
    worker: u64,
    open: Vec<Vec<u8>>,
    of: PhantomData<fn(T)>,
}

impl<T: Data> Sink<T> for Collected<T> {
    type Writer = Collecting<T>;

    fn open(&self, worker: usize, staged: &[(u64, u64)]) -> Result<Collecting<T>> {
        if worker == 0 {
            let kept: BTreeSet<(u64, u64)> = staged.iter().copied().collect();
            lock(&self.world).staged.retain(|(uid, n, w), _| *uid != self.uid || kept.contains(&(*n, *w)));
        }
        let (uid, world) = (self.uid.clone(), Arc::clone(&self.world));
        Ok(Collecting { uid, world, worker: worker as u64, open: vec![], of: PhantomData })
    }

    fn commit(&self, (n, worker): (u64, u64)) -> Staging<()> {
        let mut world = lock(&self.world);
        let name = (self.uid.clone(), n, worker);
        now(match world.staged.remove(&name) {
            Some(records) => {
                world.visible.insert(name, records);
                Ok(())
            }
            None if world.visible.contains_key(&name) => Ok(()),
            None => Err(format!("sink {:?}: {n}-{worker} is neither staged nor visible", self.uid).into()),
        })
    }
}

impl<T: Data> Writer<T> for Collecting<T> {
    /// The number of the interval, and the worker.
    type Committable = (u64, u64);

    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        for record in batch.drain() {
            self.open.push(codec::encode(&record)?);
        }
        Ok(())
    }

    fn prepare(&mut self, n: u64) -> Staging<Vec<(u64, u64)>> {
        let records = std::mem::take(&mut self.open);
        if records.is_empty() {
            return now(Ok(vec![]));
        }
        lock(&self.world).staged.insert((self.uid.clone(), n, self.worker), records);
        now(Ok(vec![(n, self.worker)]))
    }
}
