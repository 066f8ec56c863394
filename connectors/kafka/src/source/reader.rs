//! Reads one partition: asks what it holds, fetches from its offset, ends where it should.
use crate::client::{Bounds, Context, is_passing, say};
use crate::source::End;
use crate::source::bounds::{Answer, BoundsThread};
use crate::source::fetch::Fetch;
use crate::source::split::TopicPartition;
use crate::source::watchdog::Watchdog;
use millstream_runtime::Result;
use millstream_runtime::source::{Batch, Meta, Progress, Reader, Received, Waker};
use millstream_runtime::time::Timestamp;
use rdkafka::Message;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A partition that was read to its end holds the watermark for so long: what its producer is about to send is not late
/// because the records of other partitions were there some milliseconds before.
const IDLE_AFTER: Duration = Duration::from_secs(1);

/// What a record weighs beside its bytes, for back-pressure.
const RECORD: usize = 96;

/// A partition's reader.
pub struct KafkaReader {
    split: TopicPartition,
    topic: Arc<str>,
    partition: Arc<str>,
    fetch: Rc<Fetch>,
    bounds: Rc<BoundsThread>,
    waker: Option<Waker>,
    /// The offset of the next record; none before its first bounds are known, where it is to start at the first.
    position: Option<u64>,
    /// The position at the last checkpoint but one, which is durable.
    shown: Cell<Option<u64>>,
    ends: End,
    end: Option<u64>,
    state: State,
    watchdog: Watchdog,
}

enum State {
    /// Nothing was asked yet.
    New,
    Asking(Answer),
    Fetching {
        queue: PartitionQueue<Context>,
        /// Since when there is nothing more in the partition.
        at_end: Option<Instant>,
    },
    Ended,
}

impl KafkaReader {
    pub(crate) fn new(
        split: TopicPartition,
        from: Option<u64>,
        ends: End,
        stalled_after: Duration,
        fetch: Rc<Fetch>,
        bounds: Rc<BoundsThread>,
    ) -> Self {
        Self {
            topic: Arc::from(split.topic.as_str()),
            partition: Arc::from(split.partition.to_string()),
            split,
            fetch,
            bounds,
            waker: None,
            position: from,
            shown: Cell::new(None),
            ends,
            end: None,
            state: State::New,
            watchdog: Watchdog::new(stalled_after),
        }
    }

    /// The bounds are known: starts to fetch, or says that what was to be read is gone.
    fn begin(&mut self, bounds: Bounds) -> Result<()> {
        let Bounds { low, high } = bounds;
        let split = &self.split;
        let position = self.position.unwrap_or(low);
        if position < low {
            return Err(format!(
                "{split}: the records from offset {position} to {low} are gone (retention, or deleted); start with \
                 --restore none, or set the offset, to go on without them"
            )
            .into());
        }
        if position > high {
            return Err(format!(
                "{split}: is to go on at offset {position}, and ends at {high}: it was deleted and made anew, or has lost \
                 records"
            )
            .into());
        }
        self.position = Some(position);
        self.end = (self.ends == End::Latest).then_some(high);
        self.state = if self.end.is_some_and(|end| position >= end) { State::Ended } else { self.start(position)? };
        Ok(())
    }

    fn start(&self, position: u64) -> Result<State> {
        let mut queue = self.fetch.assign(&self.split, position)?;
        if let Some(waker) = self.waker.clone() {
            queue.set_nonempty_callback(move || waker());
        }
        Ok(State::Fetching { queue, at_end: None })
    }

    /// Takes what the queue holds.
    fn take(&mut self, batch: &mut Batch<Received<Vec<u8>>>) -> Result<Progress> {
        let State::Fetching { queue, at_end } = &mut self.state else { return Ok(Progress::Ended) };
        let mut next = self.position.unwrap_or(0);
        let mut ended = false;
        while !batch.is_full() && !ended {
            match queue.poll(Duration::ZERO) {
                None => break,
                Some(Ok(message)) => {
                    let offset = message.offset().unsigned_abs();
                    ended = self.end.is_some_and(|end| offset >= end);
                    if offset >= next && !ended {
                        let record = received(&message, &self.topic, &self.partition);
                        batch.push_sized(record, message.payload_len() + message.key_len() + RECORD);
                        next = offset + 1;
                    }
                    *at_end = None;
                }
                // Committed records end here, as of a moment behind that at which `end` was asked for.
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    at_end.get_or_insert_with(Instant::now);
                    ended = self.end.is_some();
                }
                Some(Err(e)) => failed(&self.split, next, &e)?,
            }
        }
        ended |= self.end.is_some_and(|end| next >= end);
        let progress = match (ended, batch.is_full(), at_end.is_some_and(|since| since.elapsed() >= IDLE_AFTER)) {
            (true, _, _) => Progress::Ended,
            (false, true, _) => Progress::More,
            (false, false, true) => Progress::Idle,
            (false, false, false) => Progress::Waiting,
        };
        self.position = Some(next);
        if ended {
            self.state = State::Ended;
            self.fetch.unassign(&self.split);
        }
        Ok(progress)
    }

    /// A partition that is silent for long is asked whether it holds more; then it is fetched anew.
    fn watch(&mut self, is_silent: bool) -> Result<()> {
        if !is_silent {
            self.watchdog.fed();
            return Ok(());
        }
        let position = self.position.unwrap_or(0);
        if let Some(high) = self.watchdog.finds_stalled(position, || self.bounds.ask(&self.split, None)) {
            tracing::info!(
                "{}: silent at {position} of {high} for {:?}: fetched anew",
                self.split,
                self.watchdog.after()
            );
            self.fetch.unassign(&self.split);
            self.state = self.start(position)?;
        }
        Ok(())
    }
}

impl Reader for KafkaReader {
    type Item = Received<Vec<u8>>;
    type Offset = u64;

    fn read(&mut self, batch: &mut Batch<Self::Item>) -> Result<Progress> {
        self.fetch.serve_events();
        if matches!(self.state, State::New) {
            self.state = State::Asking(self.bounds.ask(&self.split, self.waker.clone()));
        }
        if let State::Asking(answer) = &self.state {
            let Some(answer) = answer.get().cloned() else { return Ok(Progress::Waiting) };
            self.begin(answer.map_err(|e| format!("{}: {e}", self.split))?)?;
        }
        let progress = self.take(batch)?;
        if progress != Progress::Ended {
            self.watch(batch.is_empty())?;
        }
        Ok(progress)
    }

    fn offset(&self) -> u64 {
        let position = self.position.unwrap_or(0);
        if let Some(durable) = self.shown.replace(self.position) {
            self.fetch.commit(&self.split, durable);
        }
        position
    }

    fn wake_by(&mut self, waker: Waker) {
        self.waker = Some(waker);
    }
}

/// What an error on a partition's queue means: most pass, since librdkafka goes on by itself.
fn failed(split: &TopicPartition, position: u64, e: &KafkaError) -> Result<()> {
    let code = e.rdkafka_error_code();
    match code {
        Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => Err(format!(
            "{split}: the records from offset {position} on are gone (retention, deleted, or the topic was made anew)"
        )
        .into()),
        Some(code) if is_passing(code) => {
            tracing::warn!("{split}: {}", say(e));
            Ok(())
        }
        _ => Err(format!("{split} at offset {position}: {}", say(e)).into()),
    }
}

fn received(message: &BorrowedMessage<'_>, topic: &Arc<str>, partition: &Arc<str>) -> Received<Vec<u8>> {
    let mut meta = Meta::of(Arc::clone(topic), message.offset().unsigned_abs());
    meta.split = Arc::clone(partition);
    meta.key = message.key().map(<[u8]>::to_vec);
    meta.timestamp = message.timestamp().to_millis().filter(|ms| *ms >= 0).map_or(Timestamp::MIN, Timestamp);
    meta.tombstone = message.payload().is_none();
    if let Some(headers) = message.headers() {
        // rdkafka panics where a header's name is no UTF-8, which Kafka lets anybody write.
        let all = || headers.iter().map(|h| (h.key.to_owned(), h.value.map(<[u8]>::to_vec))).collect();
        match catch_unwind(AssertUnwindSafe(all)) {
            Ok(headers) => meta.headers = headers,
            Err(_) => meta.fault = Some("the name of a header is no UTF-8".into()),
        }
    }
    Received { value: message.payload().unwrap_or_default().to_vec(), meta }
}
