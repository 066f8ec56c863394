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
#[derive(Default)]
pub struct Substitutes {
    feeds: BTreeMap<String, Box<dyn Any + Send + Sync>>,
    world: Arc<Mutex<World>>,
}

/// What is outside and survives a crash.
#[derive(Default)]
struct World {
    /// Hidden until committed: (sink, name) to records.
    staged: BTreeMap<(String, String), Vec<Vec<u8>>>,
    visible: BTreeMap<(String, String), Vec<Vec<u8>>>,
}

/// How many splits a fed source has.
const SPLITS: u32 = 2;

impl Substitutes {
    /// Feeds `items` to the source `uid`, dealt over two splits.
    pub fn feed<T: Data + Sync>(&mut self, uid: &str, items: Vec<T>) {
        self.feeds.insert(uid.into(), Box::new(Arc::new(items)));
    }

    /// What the sinks have made visible: for each uid the encoded records, sorted.
    pub fn visible(&self) -> BTreeMap<String, Vec<Vec<u8>>> {
        let mut all: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
        for ((uid, _), records) in &lock(&self.world).visible {
            all.entry(uid.clone()).or_default().extend(records.iter().cloned());
        }
        all.values_mut().for_each(|records| records.sort());
        all
    }

    /// Forgets what the sinks have made visible.
    pub fn clear(&self) {
        *lock(&self.world) = World::default();
    }

    pub(crate) fn source<T: Data>(&self, uid: &str) -> Option<Fed<T>> {
        let items = self.feeds.get(uid)?.downcast_ref::<Arc<Vec<T>>>()?;
        Some(Fed { items: Arc::clone(items) })
    }

    pub(crate) fn sink<T: Data>(&self, uid: &str) -> Collected<T> {
        Collected { uid: uid.into(), world: Arc::clone(&self.world), of: PhantomData }
    }
}

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A source of given items; its offset is how many of a split have been read.
pub(crate) struct Fed<T> {
    items: Arc<Vec<T>>,
}

/// Reads every second item.
pub(crate) struct FedReader<T> {
    items: Arc<Vec<T>>,
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
        Ok(Splits::Fixed((0..SPLITS).map(Into::into).collect()))
    }

    fn open(&self, split: &u32, from: Option<u64>) -> Result<FedReader<T>> {
        Ok(FedReader { items: Arc::clone(&self.items), split: *split, read: from.unwrap_or(0) })
    }
}

impl<T: Data> Reader for FedReader<T> {
    type Item = T;
    type Offset = u64;

    fn read(&mut self, batch: &mut Batch<T>) -> Result<Progress> {
        // Small batches: a test wants many places to die at.
        for _ in 0..8 {
            let index = self.read * u64::from(SPLITS) + u64::from(self.split);
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
    worker: usize,
    open: Vec<Vec<u8>>,
    of: PhantomData<fn(T)>,
}

impl<T: Data> Sink<T> for Collected<T> {
    type Writer = Collecting<T>;

    fn open(&self, worker: usize, staged: &[String]) -> Result<Collecting<T>> {
        if worker == 0 {
            let kept: BTreeSet<&String> = staged.iter().collect();
            lock(&self.world).staged.retain(|(uid, name), _| *uid != self.uid || kept.contains(name));
        }
        let (uid, world) = (self.uid.clone(), Arc::clone(&self.world));
        Ok(Collecting { uid, world, worker, open: vec![], of: PhantomData })
    }

    fn commit(&self, name: String) -> Staging<()> {
        let mut world = lock(&self.world);
        let key = (self.uid.clone(), name);
        let result = match world.staged.remove(&key) {
            Some(records) => {
                world.visible.insert(key, records);
                Ok(())
            }
            None if world.visible.contains_key(&key) => Ok(()),
            None => Err(format!("sink {:?}: {:?} is neither staged nor visible", key.0, key.1).into()),
        };
        now(result)
    }
}

impl<T: Data> Writer<T> for Collecting<T> {
    type Committable = String;

    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        for record in batch.drain() {
            self.open.push(codec::encode(&record)?);
        }
        Ok(())
    }

    fn prepare(&mut self, n: u64) -> Staging<Vec<String>> {
        let records = std::mem::take(&mut self.open);
        if records.is_empty() {
            return now(Ok(vec![]));
        }
        let name = format!("{n}-{}", self.worker);
        lock(&self.world).staged.insert((self.uid.clone(), name.clone()), records);
        now(Ok(vec![name]))
    }
}
