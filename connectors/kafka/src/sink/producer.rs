//! Producers of librdkafka.
use crate::client::{partitions_of, refused, say, soon_found};
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
/// It is looked how many they are each time that so many were queued.
const BYTES_LOOK: usize = 256 << 10;

/// How long to sleep before a look at what is waited for.
const POLL: Duration = Duration::from_millis(1);
/// With a broker that is away the looks become rare.
const POLL_RARELY: Duration = Duration::from_millis(10);

/// How soon an init is tried again at first, and later.
const INIT_LOOK: Duration = Duration::from_millis(20);
const INIT_LOOK_RARELY: Duration = Duration::from_millis(500);

/// A producer for one transaction; another one needs another producer.
pub(crate) struct Transaction {
    producer: BaseProducer<Deliveries>,
    topic: String,
    patience: Duration,
    /// What was queued, and how many of its bytes at the last look.
    records: Cell<usize>,
    bytes: Cell<usize>,
    looked: Cell<usize>,
}

/// Hears only of records that fail: reports of all cost about a tenth of the sink's processor time.
#[derive(Default)]
struct Deliveries {
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
        if let Err((e, _)) = result {
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
        let only_failures = ("delivery.report.only.error", "true");
        let above = [("transactional.id", id), ("enable.idempotence", "true"), ("acks", "all"), only_failures];
        let config = target.options.config(&beneath, &above);
        let producer: BaseProducer<Deliveries> =
            config.create_with_context(Deliveries::default()).map_err(|e| refused(&target.options, &e))?;
        let topic = target.topic.clone();
        let (records, bytes, looked) = <(Cell<usize>, Cell<usize>, Cell<usize>)>::default();
        let transaction = Self { producer, topic, patience, records, bytes, looked };
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
        let topic = self.topic.as_str();
        let found = soon_found(|| {
            let metadata = self.producer.client().fetch_metadata(Some(topic), self.patience);
            metadata.and_then(|metadata| partitions_of(&metadata, topic)).map_err(|e| self.failed("metadata", e))
        })?;
        let missing = || Failed { what: "the topic does not exist any more".into(), is_final: true };
        Ok(found.map(drop).ok_or_else(missing)?)
    }

    pub fn begin(&self) -> Result<()> {
        self.producer.begin_transaction().map_err(|e| self.failed("begin_transaction", e))
    }

    /// Queues a record; waits while too many are on their way.
    pub fn send(&self, record: &RecordRef<'_>) -> Result<(), KafkaError> {
        self.records.set(self.records.get() + 1);
        self.bytes.set(self.bytes.get() + record.value.map_or(0, <[u8]>::len) + record.key.map_or(0, <[u8]>::len));
        if self.bytes.get() - self.looked.get() >= BYTES_LOOK {
            self.looked.set(self.bytes.get());
            self.wait_until(|| self.on_their_way() <= BYTES_MOST);
        }
        let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
        match self.producer.send(message(record, &self.topic)) {
            Err((e, back)) if e == full => {
                self.wait_until(|| self.producer.in_flight_count() == 0);
                self.producer.send(back).map_err(|(e, _)| e)
            }
            sent => sent.map_err(|(e, _)| e),
        }
    }

    /// About so many bytes have not been acknowledged.
    fn on_their_way(&self) -> usize {
        let records = usize::try_from(self.producer.in_flight_count()).unwrap_or(0);
        records * self.bytes.get() / self.records.get().max(1)
    }

    /// Waits for all records, then commits. Without the flush a commit takes half a second.
    pub fn commit(&self) -> Result<()> {
        self.flush()?;
        self.producer.commit_transaction(self.patience).map_err(|e| self.failed("commit_transaction", e))
    }

    /// Waits for all records. rdkafka's own flush looks every 100 ms only, and each look wakes all threads of the producer: so
    /// there is one at the beginning, which ends the linger, and one when nothing is on its way.
    pub fn flush(&self) -> Result<()> {
        let began = Instant::now();
        loop {
            match self.producer.flush(Duration::ZERO) {
                Ok(()) => return Ok(()),
                Err(KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut)) if began.elapsed() < self.patience => {}
                Err(e) => return Err(self.failed("flush", e)),
            }
            self.wait_until(|| self.producer.in_flight_count() == 0);
        }
    }

    /// Sleeps and looks until it is so, or the patience is over. Not by a poll that waits: rdkafka counts in whole
    /// milliseconds, so the last one of each poll is spent spinning.
    fn wait_until(&self, is_so: impl Fn() -> bool) {
        let (began, mut wait) = (Instant::now(), POLL);
        self.producer.poll(Duration::ZERO);
        while !is_so() && began.elapsed() < self.patience {
            std::thread::sleep(wait);
            wait = (wait * 2).min(POLL_RARELY);
            self.producer.poll(Duration::ZERO);
        }
    }

    pub fn failed(&self, what: &str, e: KafkaError) -> millstream_runtime::BoxError {
        self.producer.poll(Duration::ZERO); // hears what has failed
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
