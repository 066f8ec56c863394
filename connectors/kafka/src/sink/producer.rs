//! Producers of librdkafka.
use crate::client::{partitions_of, refused, say};
use crate::sink::lock;
use crate::sink::record::RecordRef;
use crate::sink::target::Target;
use millstream_runtime::Result;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use std::cell::Cell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Beneath what the user says. Keys are placed as Java's clients place them; librdkafka's own default is another hash.
pub(crate) const DEFAULTS: [(&str, &str); 4] = [
    ("partitioner", "murmur2_random"),
    ("queue.buffering.max.messages", "1000000"),
    ("queue.buffering.max.kbytes", "262144"),
    ("linger.ms", "5"),
];

/// So many bytes of a transaction are on their way, about. With more, they have left the processor's cache when they are sent.
const BYTES_MOST: usize = 4 << 20;
/// Deliveries are served each time that so many bytes were queued.
const BYTES_SERVED: usize = 256 << 10;

/// How long to sleep before a look at what is waited for.
const POLL: Duration = Duration::from_millis(1);
/// With a broker that is away the looks become rare.
const POLL_RARELY: Duration = Duration::from_millis(10);

/// How soon an init is tried again at first, and later.
const INIT_LOOK: Duration = Duration::from_millis(20);
const INIT_LOOK_RARELY: Duration = Duration::from_millis(500);

/// A topic that is not found for so long is gone: a broker that has just come back may not know it yet.
const MISSING: Duration = Duration::from_secs(5);

/// A producer for one transaction; another one needs another producer.
pub(crate) struct Transaction {
    producer: BaseProducer<Deliveries>,
    topic: String,
    patience: Duration,
    /// The bytes that were queued, and how many of them when deliveries were last served.
    queued: Cell<usize>,
    served: Cell<usize>,
}

#[derive(Default)]
struct Deliveries {
    /// The bytes that are no longer on their way.
    landed: AtomicUsize,
    /// The first record's failure: the error of the commit does not say it.
    failed: Mutex<Option<String>>,
}

impl ClientContext for Deliveries {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, text: &str) {
        tracing::debug!("kafka: {facility}: {text}"); // a busy coordinator alone is a warning there, at each transaction
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!("kafka: {}: {reason}", say(&error)); // what matters comes back from the call
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _opaque: ()) {
        let (message, failed) = match result {
            Ok(message) => (message, None),
            Err((e, message)) => (message, Some(e)),
        };
        self.landed.fetch_add(message.payload_len() + message.key_len(), Relaxed);
        if let Some(e) = failed {
            lock(&self.failed).get_or_insert_with(|| say(e));
        }
    }
}

impl Transaction {
    /// Makes the producer and inits it: from here on no older producer of the id can commit, and none of its transactions is
    /// open.
    pub fn init(target: &Target, id: &str, patience: Duration) -> Result<Self> {
        let bytes = target.limit.bytes.to_string();
        let mut beneath = DEFAULTS.to_vec();
        beneath.push(("message.max.bytes", &bytes));
        let above = [("transactional.id", id), ("enable.idempotence", "true"), ("acks", "all")];
        let config = target.options.config(&beneath, &above);
        let producer: BaseProducer<Deliveries> =
            config.create_with_context(Deliveries::default()).map_err(|e| refused(&target.options, &e))?;
        let topic = target.topic.clone();
        let transaction = Self { producer, topic, patience, queued: Cell::default(), served: Cell::default() };
        transaction.find_topic()?;
        transaction.get_id()?;
        Ok(transaction)
    }

    /// `init_transactions`. Where the coordinator is not connected yet, or still writes the markers of the id's former
    /// transaction, librdkafka looks again after half a second; but at once when it is called again.
    fn get_id(&self) -> Result<()> {
        let (began, mut wait) = (Instant::now(), INIT_LOOK);
        loop {
            match self.producer.init_transactions(wait) {
                Ok(()) => return Ok(()),
                Err(KafkaError::Transaction(e)) if e.is_retriable() && began.elapsed() < self.patience => {}
                Err(e) => return Err(self.failed("init_transactions", e)),
            }
            wait = (wait * 2).min(INIT_LOOK_RARELY);
        }
    }

    /// A topic that was deleted is found out here: librdkafka itself would wait for it for half a minute, with each producer.
    fn find_topic(&self) -> Result<()> {
        let (topic, began) = (self.topic.as_str(), Instant::now());
        loop {
            let metadata = self.producer.client().fetch_metadata(Some(topic), self.patience);
            let found = metadata.and_then(|metadata| partitions_of(&metadata, topic));
            if found.map_err(|e| self.failed("metadata", e))?.is_some() {
                return Ok(());
            }
            if began.elapsed() > MISSING {
                return Err(Box::new(Failed { what: "the topic does not exist any more".into(), is_final: true }));
            }
            std::thread::sleep(MISSING / 20);
        }
    }

    pub fn begin(&self) -> Result<()> {
        self.producer.begin_transaction().map_err(|e| self.failed("begin_transaction", e))
    }

    /// Queues a record; waits while too many are on their way.
    pub fn send(&self, record: &RecordRef<'_>) -> Result<(), KafkaError> {
        let began = Instant::now();
        self.make_room(began);
        let bytes = record.value.map_or(0, <[u8]>::len) + record.key.map_or(0, <[u8]>::len);
        self.queued.set(self.queued.get() + bytes);
        let mut message = message(record, &self.topic);
        loop {
            match self.producer.send(message) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                    if began.elapsed() < self.patience =>
                {
                    message = back;
                    self.serve(POLL);
                }
                Err((e, _)) => return Err(e),
            }
        }
    }

    /// Serves deliveries from time to time, and waits while more than enough is on its way.
    fn make_room(&self, began: Instant) {
        let queued = self.queued.get();
        if queued - self.served.get() < BYTES_SERVED {
            return;
        }
        self.served.set(queued);
        self.producer.poll(Duration::ZERO);
        while queued - self.landed() > BYTES_MOST && began.elapsed() < self.patience {
            self.serve(POLL);
        }
    }

    /// Waits for all records, then commits. Without the flush a commit takes half a second.
    pub fn commit(&self) -> Result<()> {
        self.flush()?;
        self.producer.commit_transaction(self.patience).map_err(|e| self.failed("commit_transaction", e))
    }

    /// Waits for all records. rdkafka's own flush looks every 100 ms only, and each look wakes all threads of the producer: so
    /// there is one at the beginning, which ends the linger, and one when all are known to have landed.
    pub fn flush(&self) -> Result<()> {
        let (began, mut wait) = (Instant::now(), POLL);
        loop {
            match self.producer.flush(Duration::ZERO) {
                Ok(()) => return Ok(()),
                Err(KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut)) if began.elapsed() < self.patience => {}
                Err(e) => return Err(self.failed("flush", e)),
            }
            while self.serve(wait) < self.queued.get() && began.elapsed() < self.patience {
                wait = (wait * 2).min(POLL_RARELY);
            }
        }
    }

    /// Sleeps, then serves the deliveries that have come. Not by a poll that waits: rdkafka counts in whole milliseconds, so
    /// the last one of each poll is spent spinning. Gives the bytes that have landed so far.
    fn serve(&self, sleep: Duration) -> usize {
        std::thread::sleep(sleep);
        let mut landed = self.landed();
        loop {
            self.producer.poll(Duration::ZERO);
            match self.landed() {
                more if more > landed => landed = more,
                _ => return landed,
            }
        }
    }

    fn landed(&self) -> usize {
        self.producer.context().landed.load(Relaxed)
    }

    pub fn failed(&self, what: &str, e: KafkaError) -> millstream_runtime::BoxError {
        let first = lock(&self.producer.context().failed).clone();
        let because = first.map_or(String::new(), |first| format!(" ({first})"));
        let is_final = e.rdkafka_error_code().is_some_and(is_final);
        Box::new(Failed { what: format!("{what}: {}{because}", say(&e)), is_final })
    }
}

/// A transaction came to nothing.
#[derive(Debug)]
pub(crate) struct Failed {
    what: String,
    /// Another try would fail in the same way.
    pub is_final: bool,
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)
    }
}
impl std::error::Error for Failed {}

fn is_final(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as C;
    matches!(
        code,
        C::TopicAuthorizationFailed
            | C::TransactionalIdAuthorizationFailed
            | C::ClusterAuthorizationFailed
            | C::SaslAuthenticationFailed
            | C::Authentication
            | C::MessageSizeTooLarge
            | C::InvalidTransactionTimeout
            | C::UnsupportedVersion
    )
}

/// A record for librdkafka, which copies it.
pub(crate) fn message<'a>(record: &RecordRef<'a>, topic: &'a str) -> BaseRecord<'a, [u8], [u8]> {
    message_with(record, topic, ())
}

/// The same, with what its delivery report brings back.
pub(crate) fn message_with<'a, D: rdkafka::util::IntoOpaque>(
    record: &RecordRef<'a>,
    topic: &'a str,
    opaque: D,
) -> BaseRecord<'a, [u8], [u8], D> {
    let mut message = BaseRecord::with_opaque_to(record.topic.unwrap_or(topic), opaque);
    message.payload = record.value;
    message.key = record.key;
    message.partition = record.partition;
    message.timestamp = record.timestamp;
    if !record.headers.is_empty() {
        let empty = OwnedHeaders::new_with_capacity(record.headers.len());
        let insert =
            |all: OwnedHeaders, (key, value): &(&str, Option<&[u8]>)| all.insert(Header { key, value: *value });
        message.headers = Some(record.headers.iter().fold(empty, insert));
    }
    message
}
