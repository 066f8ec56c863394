//! How a value becomes a Kafka record.
use crate::sink::record::KafkaRecord;
use millstream_runtime::format::Encode;
use millstream_runtime::source::Received;
use millstream_runtime::time::Timestamp;
use std::cell::RefCell;
use std::rc::Rc;

/// Makes records; shared by the writer and by what deals records out to lanes.
pub(crate) type Shared<T> = Rc<RefCell<dyn Shape<T>>>;

/// See the module.
pub(crate) trait Shape<T> {
    /// The key, which decides the lane.
    fn key(&mut self, value: &T) -> Option<Vec<u8>>;
    /// The record.
    fn record(&mut self, value: T) -> Result<KafkaRecord, String>;
}

/// Sets key, headers, partition, timestamp or topic.
type Envelope<T> = Box<dyn FnMut(&T, &mut KafkaRecord)>;

/// A value in some format, in an envelope.
pub(crate) struct Encoded<T, F> {
    format: F,
    envelope: Envelope<T>,
}

impl<T, F: Encode<T>> Encoded<T, F> {
    pub fn new(format: F, envelope: Envelope<T>) -> Self {
        Self { format, envelope }
    }
}

impl<T, F: Encode<T>> Shape<T> for Encoded<T, F> {
    fn key(&mut self, value: &T) -> Option<Vec<u8>> {
        let mut record = KafkaRecord::default();
        (self.envelope)(value, &mut record);
        record.key
    }

    fn record(&mut self, value: T) -> Result<KafkaRecord, String> {
        let mut bytes = vec![];
        self.format.encode(&value, &mut bytes)?;
        let mut record = KafkaRecord::of(bytes);
        (self.envelope)(&value, &mut record);
        Ok(record)
    }
}

/// Records as they are.
pub(crate) struct Whole;

impl Shape<KafkaRecord> for Whole {
    fn key(&mut self, record: &KafkaRecord) -> Option<Vec<u8>> {
        record.key.clone()
    }

    fn record(&mut self, record: KafkaRecord) -> Result<KafkaRecord, String> {
        Ok(record)
    }
}

/// What another topic brought, unchanged.
pub(crate) struct Copied;

impl Shape<Received<Vec<u8>>> for Copied {
    fn key(&mut self, received: &Received<Vec<u8>>) -> Option<Vec<u8>> {
        received.meta.key.clone()
    }

    fn record(&mut self, received: Received<Vec<u8>>) -> Result<KafkaRecord, String> {
        let Received { value, meta } = received;
        Ok(KafkaRecord {
            timestamp: Some(meta.timestamp).filter(|at| *at != Timestamp::MIN),
            key: meta.key,
            value: (!meta.tombstone).then_some(value),
            headers: meta.headers,
            ..KafkaRecord::default()
        })
    }
}
