//! The writer of at least once: an idempotent producer sends records as they come; a checkpoint waits for their answers.
use crate::client::{refused, say};
use crate::sink::lock;
use crate::sink::output::LaneOutput;
use crate::sink::producer::{DEFAULTS, message_with};
use crate::sink::record::{KafkaRecord, RecordRef};
use crate::sink::shape::Shared;
use crate::sink::target::Target;
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::data::Data;
use millstream_runtime::sink::{Room, Staging};
use millstream_runtime::source::Waker;
use rdkafka::ClientContext;
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::task::Poll;
use std::time::Duration;

/// So many bytes, or records, may be on their way, about: below librdkafka's own bounds, which a send would run into. With
/// more, they have left the processor's cache when they are sent: 64 MiB cost half as much again.
const BYTES_MOST: usize = 8 << 20;
const RECORDS_MOST: usize = 100_000;

/// How often deliveries are served while the worker has nothing to write, and while it may not write.
const LOOKS: Duration = Duration::from_millis(10);
const LOOKS_WHEN_FULL: Duration = Duration::from_millis(1);

/// See the module.
pub struct DirectWriter<T> {
    target: Arc<Target>,
    shape: Shared<T>,
    producer: Arc<BaseProducer<Flights>>,
    interval: Arc<Interval>,
    flight: Arc<Flight>,
}

/// What is on its way, in all intervals.
#[derive(Default)]
struct Flight {
    bytes: AtomicUsize,
    records: AtomicUsize,
    failed: Mutex<Option<String>>,
    waker: OnceLock<Waker>,
}

/// What is on its way of one interval.
#[derive(Default)]
struct Interval {
    left: AtomicUsize,
    waits: Mutex<Option<std::task::Waker>>,
}

/// Hears of deliveries, on whichever thread serves them.
struct Flights(Arc<Flight>);

impl ClientContext for Flights {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!("kafka: {}: {reason}", say(&error));
    }
}

impl ProducerContext for Flights {
    type DeliveryOpaque = Arc<Interval>;

    fn delivery(&self, result: &DeliveryResult<'_>, interval: Arc<Interval>) {
        let (message, failed) = match result {
            Ok(message) => (message, None),
            Err((e, message)) => (message, Some(say(e))),
        };
        self.0.landed(message.payload_len() + message.key_len(), failed);
        interval.landed();
    }
}

impl Flight {
    fn room(&self) -> bool {
        self.bytes.load(SeqCst) < BYTES_MOST && self.records.load(SeqCst) < RECORDS_MOST
    }

    fn took_off(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, SeqCst);
        self.records.fetch_add(1, SeqCst);
    }

    fn landed(&self, bytes: usize, failed: Option<String>) {
        if let Some(why) = failed {
            lock(&self.failed).get_or_insert(why);
        }
        let before = self.room();
        self.bytes.fetch_sub(bytes, SeqCst);
        self.records.fetch_sub(1, SeqCst);
        if !before
            && self.room()
            && let Some(wake) = self.waker.get()
        {
            wake();
        }
    }

    fn check(&self, topic: &str) -> Result<()> {
        match &*lock(&self.failed) {
            Some(why) => Err(format!("kafka topic {topic:?}: a record was not taken: {why}").into()),
            None => Ok(()),
        }
    }
}

impl Interval {
    fn landed(&self) {
        if self.left.fetch_sub(1, SeqCst) == 1
            && let Some(waker) = lock(&self.waits).take()
        {
            waker.wake();
        }
    }
}

/// Serves deliveries until the writer is gone, for the time when nothing is written.
fn serve_idle(producer: Weak<BaseProducer<Flights>>) -> Result<()> {
    std::thread::Builder::new().name("millstream-kafka".into()).spawn(move || {
        while let Some(producer) = producer.upgrade() {
            producer.poll(Duration::ZERO);
            let is_full = !producer.context().0.room();
            drop(producer);
            std::thread::sleep(if is_full { LOOKS_WHEN_FULL } else { LOOKS });
        }
    })?;
    Ok(())
}

impl<T: Data> DirectWriter<T> {
    pub(crate) fn new(target: Arc<Target>, shape: Shared<T>) -> Result<Self> {
        let bytes = target.limit.bytes.to_string();
        let mut beneath = DEFAULTS.to_vec();
        beneath.push(("message.max.bytes", &bytes));
        let config = target.options.config(&beneath, &[("enable.idempotence", "true"), ("acks", "all")]);
        let flight = Arc::<Flight>::default();
        let producer = config.create_with_context(Flights(Arc::clone(&flight)));
        let producer: BaseProducer<Flights> = producer.map_err(|e| refused(&target.options, &e))?;
        let producer = Arc::new(producer);
        serve_idle(Arc::downgrade(&producer))?;
        Ok(Self { target, shape, producer, interval: Arc::default(), flight })
    }

    pub(crate) fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        self.flight.check(&self.target.topic)?;
        let shape = Arc::clone(&self.target);
        for value in batch.drain() {
            let record = self.shape.borrow_mut().record(value)?;
            self.send(&shape.limit.apply(record)?)?;
        }
        // Here, rather than on a thread that waits for them: memory is freed by the thread that has asked for it.
        self.producer.poll(Duration::ZERO);
        Ok(())
    }

    fn send(&self, record: &KafkaRecord) -> Result<()> {
        self.flight.took_off(record.value.as_ref().map_or(0, Vec::len) + record.key.as_ref().map_or(0, Vec::len));
        self.interval.left.fetch_add(1, SeqCst);
        let record = RecordRef::from(record);
        let message = message_with(&record, &self.target.topic, Arc::clone(&self.interval));
        self.producer.send(message).map_err(|(e, _)| {
            format!("kafka topic {:?}: a record was not taken: {}", self.target.topic, say(&e)).into()
        })
    }

    /// Resolves when everything sent so far is acknowledged.
    pub(crate) fn prepare(&mut self) -> Staging<Vec<LaneOutput>> {
        let (interval, flight) = (std::mem::take(&mut self.interval), Arc::clone(&self.flight));
        let topic = self.target.topic.clone();
        Box::pin(poll_fn(move |task| {
            *lock(&interval.waits) = Some(task.waker().clone());
            if interval.left.load(SeqCst) > 0 {
                return Poll::Pending;
            }
            Poll::Ready(flight.check(&topic).map(|()| vec![]))
        }))
    }

    pub(crate) fn room(&self) -> Room {
        if self.flight.room() { Room::Plenty } else { Room::Busy }
    }

    pub(crate) fn wake_by(&mut self, waker: Waker) {
        let _ = self.flight.waker.set(waker); // called once
    }
}

impl<T> Drop for DirectWriter<T> {
    fn drop(&mut self) {
        self.producer.purge(rdkafka::producer::PurgeConfig::default().queue()); // what was not acknowledged comes again
    }
}
