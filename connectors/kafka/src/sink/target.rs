//! Where a sink writes: the topic, what it takes, and the marker topic. Looked at before any record flows.
use crate::client::{Asker, largest_message};
use crate::options::Options;
use crate::sink::Oversized;
use crate::sink::limit::Limit;
use crate::sink::marker::Markers;
use crate::sink::queueing::Queueing;
use millstream_runtime::Result;
use millstream_runtime::sink::SinkName;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// What a topic takes whose settings we may not read: Kafka's default, in bytes.
const LARGEST: usize = 1_000_000;

/// See the module. Shared by the lanes of a worker.
pub(crate) struct Target {
    pub options: Options,
    pub topic: String,
    pub name: SinkName,
    pub limit: Limit,
    /// Where it writes exactly once.
    once: Option<Once>,
    /// The sink is gone: lanes try nothing again.
    closed: AtomicBool,
}

/// What transactions need.
pub(crate) struct Once {
    pub markers: Markers,
    /// Where lanes queue their records.
    pub queueing: Queueing,
}

impl Target {
    /// Looks whether the topics exist and what they take.
    pub fn open(options: &Options, topic: &str, name: &SinkName, oversized: &Oversized) -> Result<Self> {
        let asker = Asker::new(options, &[])?;
        let letters = match oversized {
            Oversized::Fail => None,
            Oversized::DeadLetter(letters) => Some(letters.as_str()),
        };
        for topic in [Some(topic), letters].into_iter().flatten() {
            if asker.partitions_of_named(topic)?.is_none() {
                let brokers = options.brokers();
                return Err(
                    format!("kafka topic {topic:?} does not exist at {brokers}; make it, or correct its name").into()
                );
            }
        }
        let bytes = largest_message(options, topic).unwrap_or_else(|e| {
            tracing::warn!("{e}; taken to be {LARGEST}");
            LARGEST
        });
        let limit = Limit { topic: topic.into(), bytes, oversized: oversized.clone() };
        let (options, topic) = (options.clone(), topic.to_owned());
        Ok(Self { options, topic, name: name.clone(), limit, once: None, closed: AtomicBool::new(false) })
    }

    /// For transactions in so many lanes.
    pub fn transactional(self, lanes: u32) -> Result<Self> {
        let markers = Markers::open(&self.options, &self.name, lanes)?;
        Ok(Self { once: Some(Once { markers, queueing: Queueing::start()? }), ..self })
    }

    /// What transactions need.
    pub fn once(&self) -> Result<&Once> {
        self.once.as_ref().ok_or_else(|| "the sink has no markers".into())
    }

    /// How many lanes may have left something behind.
    pub fn marker_lanes(&self) -> u32 {
        self.once.as_ref().map_or(0, |once| once.markers.lanes())
    }

    /// The transactional id of a lane. Frozen: who fences an older attempt must use the same.
    pub fn transactional_id(&self, lane: u32) -> String {
        format!("{}.{}.{lane}", self.name.job, self.name.uid)
    }

    pub fn close(&self) {
        self.closed.store(true, SeqCst);
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(SeqCst)
    }
}
