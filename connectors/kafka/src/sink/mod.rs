//! The sink: what is written where, and with which promise.
pub(crate) mod buffers;
pub(crate) mod direct;
pub(crate) mod lane;
pub(crate) mod limit;
pub(crate) mod marker;
pub(crate) mod output;
pub(crate) mod producer;
pub(crate) mod queueing;
pub(crate) mod record;
pub(crate) mod shape;
pub(crate) mod target;
pub(crate) mod writer;

use crate::Kafka;
use crate::options::Options;
use crate::sink::direct::DirectWriter;
use crate::sink::lane::Lane;
use crate::sink::output::LaneOutput;
use crate::sink::record::KafkaRecord;
use crate::sink::shape::{Copied, Encoded, Shape, Shared, Whole};
use crate::sink::target::Target;
use crate::sink::writer::{KafkaWriter, OnceWriter};
use millstream_runtime::Result;
use millstream_runtime::codec;
use millstream_runtime::data::Data;
use millstream_runtime::format::Encode;
use millstream_runtime::sink::{Delivery, Lanes, Sink, SinkName, Staging, blocking};
use millstream_runtime::source::Received;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The lanes of a sink by default: so many transactions run side by side.
const LANES: u32 = 4;
/// What one worker writes ahead in one interval at most, about; then the checkpoint comes early.
const AHEAD: usize = 64 << 20;

/// What becomes of a record that the topic would refuse for its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Oversized {
    /// The job fails, before the record is in a checkpoint.
    Fail,
    /// It goes as a dead letter into this topic, in the same transaction.
    DeadLetter(String),
}

/// Writes a Kafka topic; made by [`Kafka::write`], [`Kafka::records`] or [`Kafka::copy`].
pub struct KafkaSink<T> {
    options: Options,
    topic: String,
    shape: Shared<T>,
    delivery: Delivery,
    lanes: u32,
    ahead: usize,
    oversized: Oversized,
    name: SinkName,
    target: RefCell<Option<Held>>,
    running: RefCell<BTreeMap<u32, Arc<Mutex<Lane>>>>,
}

impl Kafka {
    /// Writes values in a format, without a key.
    ///
    /// ```no_run
    /// use millstream_formats::Json;
    /// use millstream_kafka::Kafka;
    /// let counts = Kafka::write::<u64>("localhost:9092", "counts", Json).exactly_once();
    /// # drop(counts);
    /// ```
    pub fn write<T: Data>(brokers: &str, topic: &str, format: impl Encode<T>) -> KafkaSink<T> {
        Self::write_with(brokers, topic, format, |_, _| {})
    }

    /// Writes values in a format; `envelope` sets key, headers, partition, timestamp or another topic.
    ///
    /// ```no_run
    /// use millstream_formats::Json;
    /// use millstream_kafka::Kafka;
    /// type Count = (String, u64);
    /// let counts = Kafka::write_with("localhost:9092", "counts", Json, |count: &Count, record| {
    ///     record.key = Some(count.0.clone().into_bytes());
    /// });
    /// # drop(counts);
    /// ```
    pub fn write_with<T: Data>(
        brokers: &str,
        topic: &str,
        format: impl Encode<T>,
        envelope: impl FnMut(&T, &mut KafkaRecord) + 'static,
    ) -> KafkaSink<T> {
        KafkaSink::new(brokers, topic, Encoded::new(format, Box::new(envelope)))
    }

    /// Writes whole records.
    pub fn records(brokers: &str, topic: &str) -> KafkaSink<KafkaRecord> {
        KafkaSink::new(brokers, topic, Whole)
    }

    /// Writes what a topic brought: key, value, headers and timestamp unchanged.
    pub fn copy(brokers: &str, topic: &str) -> KafkaSink<Received<Vec<u8>>> {
        KafkaSink::new(brokers, topic, Copied)
    }
}

impl<T: Data> KafkaSink<T> {
    fn new(brokers: &str, topic: &str, shape: impl Shape<T> + 'static) -> Self {
        let name = SinkName { job: String::new(), incarnation: String::new(), uid: String::new(), workers: 1 };
        Self {
            options: Options::new(brokers),
            topic: topic.into(),
            shape: Rc::new(RefCell::new(shape)),
            delivery: Delivery::Best,
            lanes: LANES,
            ahead: AHEAD,
            oversized: Oversized::Fail,
            name,
            target: RefCell::new(None),
            running: RefCell::new(BTreeMap::new()),
        }
    }

    /// Demands exactly once: the job is refused where a source cannot be read again. Without it, it is exactly once where it
    /// can be.
    pub fn exactly_once(mut self) -> Self {
        self.delivery = Delivery::ExactlyOnce;
        self
    }

    /// Records are sent as they come, by an idempotent producer: after a crash some come again.
    pub fn at_least_once(mut self) -> Self {
        self.delivery = Delivery::AtLeastOnce;
        self
    }

    /// An option of librdkafka, handed on as it is.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options = self.options.with(name, value);
        self
    }

    /// How many transactions run side by side, 4 by default; records of one key stay in one lane. Fixed for the life of a
    /// job: it may shrink, not grow.
    pub fn lanes(mut self, lanes: u32) -> Self {
        self.lanes = lanes.max(1);
        self
    }

    /// What each worker writes ahead in one interval at most, about; 64 MiB by default. With half of it the checkpoint comes
    /// early. At most three intervals are in memory.
    pub fn write_ahead(mut self, bytes: usize) -> Self {
        self.ahead = bytes.max(1 << 20);
        self
    }

    /// What becomes of records that are too large for the topic; [`Oversized::Fail`] by default.
    pub fn oversized(mut self, what: Oversized) -> Self {
        self.oversized = what;
        self
    }

    /// Whether librdkafka takes the options; asks no broker.
    ///
    /// # Errors
    /// Names the option.
    pub fn check(&self) -> Result<(), String> {
        self.options.check()
    }

    /// What is written to: made once for each process and worker.
    fn target(&self) -> Result<Arc<Target>> {
        if let Some(Held(target)) = &*self.target.borrow() {
            return Ok(Arc::clone(target));
        }
        let transactional = self.delivery != Delivery::AtLeastOnce;
        let target = Target::open(&self.options, &self.topic, &self.name, &self.oversized)?;
        let target = Arc::new(if transactional { target.transactional(self.lanes)? } else { target });
        *self.target.borrow_mut() = Some(Held(Arc::clone(&target)));
        Ok(target)
    }

    fn lane(&self, lane: u32) -> Result<Arc<Mutex<Lane>>> {
        let target = self.target()?;
        let mut running = self.running.borrow_mut();
        let made = running.entry(lane).or_insert_with(|| Arc::new(Mutex::new(Lane::new(lane, target))));
        Ok(Arc::clone(made))
    }

    /// Fences what earlier attempts left behind, in all lanes of a worker at once: before any record is read.
    fn fence(&self, worker: usize) -> Result<()> {
        let lanes = self.target()?.marker_lanes();
        let mine = (0..lanes).filter(|lane| *lane as usize % self.name.workers.max(1) == worker);
        let mine = mine.map(|lane| self.lane(lane)).collect::<Result<Vec<_>>>()?;
        std::thread::scope(|scope| {
            let fence = |lane: Arc<Mutex<Lane>>| scope.spawn(move || lock(&lane).fence());
            let all: Vec<_> = mine.into_iter().map(fence).collect();
            all.into_iter().try_for_each(|t| t.join().unwrap_or_else(|_| Err("a thread of a lane died".into())))
        })
    }
}

/// A lock that a panic elsewhere does not spread through.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The lane of a key, for all time; what has no key goes where `turn` says.
pub(crate) fn lane_of(key: Option<&[u8]>, lanes: u32, turn: u32) -> u32 {
    key.map_or(turn, |key| u32::from(codec::key_group(codec::hash_bytes(key)))) % lanes
}

/// A sink's hold on its target: once it is let go, lanes that are still at work stop trying.
struct Held(Arc<Target>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<T: Data> Sink<T> for KafkaSink<T> {
    type Writer = KafkaWriter<T>;

    fn named(&mut self, name: &SinkName) {
        self.name = name.clone();
    }

    fn open(&self, worker: usize, _staged: &[LaneOutput]) -> Result<KafkaWriter<T>> {
        let target = self.target()?;
        if self.delivery == Delivery::AtLeastOnce {
            return Ok(KafkaWriter::Direct(DirectWriter::new(target, Rc::clone(&self.shape))?));
        }
        self.fence(worker)?;
        let lanes = (0..self.lanes).map(|lane| self.lane(lane)).collect::<Result<Vec<_>>>()?;
        Ok(KafkaWriter::Once(OnceWriter::new(target, Rc::clone(&self.shape), lanes, self.ahead, worker)))
    }

    fn commit(&self, staged: LaneOutput) -> Staging<()> {
        let lane = match self.lane(staged.lane) {
            Ok(lane) => lane,
            Err(e) => return millstream_runtime::sink::now(Err(e)),
        };
        blocking(move || lock(&lane).commit(&staged))
    }

    fn delivery(&self) -> Delivery {
        self.delivery
    }

    fn lanes(&self) -> Option<Lanes<T, LaneOutput>> {
        if self.delivery == Delivery::AtLeastOnce {
            return None;
        }
        let (shape, lanes, mut turn) = (Rc::clone(&self.shape), self.lanes, 0u32);
        let record = move |value: &T| {
            turn = turn.wrapping_add(1);
            u64::from(lane_of(shape.borrow_mut().key(value).as_deref(), lanes, turn))
        };
        Some(Lanes { record: Box::new(record), staged: |output| u64::from(output.lane) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lane_of_a_key_is_frozen() {
        assert_eq!(lane_of(Some(b"k1"), 4, 9), lane_of(Some(b"k1"), 4, 0));
        let lanes: Vec<u32> = (0..8u8).map(|i| lane_of(Some(&[i]), 4, 0)).collect();
        assert_eq!(lanes, [3, 1, 2, 0, 0, 1, 0, 2]);
        assert_eq!(lane_of(None, 4, 6), 2);
    }
}
