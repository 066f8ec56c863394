//! A lane: its transactions, one after the other, each by a producer of its own.
//!
//! The order is what a model check of the protocol found to lose and to repeat nothing, over crashes, zombies and delayed
//! answers: a new producer, `init_transactions`, then the marker; only if that does not cover the checkpoint: begin, marker,
//! records, commit. After any failure it starts again from the top. A producer that has begun is never used again.
use crate::sink::marker::Marker;
use crate::sink::output::LaneOutput;
use crate::sink::producer::{Failed, Transaction};
use crate::sink::record::RecordRef;
use crate::sink::target::Target;
use millstream_runtime::run::failpoint;
use millstream_runtime::{BoxError, Result};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one step of a transaction may take.
const STEP: Duration = Duration::from_secs(30);
/// How long a commit is tried again by the lane itself, before the runtime hears of it.
const PATIENCE: Duration = Duration::from_secs(60);
/// The wait between two tries, doubled up to the second.
const WAIT: Duration = Duration::from_millis(50);
const WAIT_MOST: Duration = Duration::from_secs(1);

/// See the module.
pub(crate) struct Lane {
    lane: u32,
    target: Arc<Target>,
    /// Ready for the next transaction.
    ready: Option<Ready>,
}

/// A producer that has not begun, with the marker that was read after its init.
struct Ready {
    transaction: Transaction,
    marker: Option<Marker>,
}

impl Lane {
    pub fn new(lane: u32, target: Arc<Target>) -> Self {
        Self { lane, target, ready: None }
    }

    /// Aborts what an earlier attempt has left open, and fences it.
    pub fn fence(&self) -> Result<()> {
        let id = self.target.transactional_id(self.lane);
        Transaction::init(&self.target, &id, STEP).map(drop).map_err(|e| self.say(e))
    }

    /// Gets ready for a transaction that is to come soon. Where that fails, the commit tries again.
    pub fn warm(&mut self) {
        if let Err(e) = self.get_ready() {
            tracing::debug!("{}", self.say(e));
        }
    }

    /// Sends the output of a checkpoint that is durable, unless it was sent before.
    pub fn commit(&mut self, output: &LaneOutput) -> Result<()> {
        let (began, mut wait) = (Instant::now(), WAIT);
        loop {
            let Err(e) = self.try_commit(output) else { return Ok(()) };
            let is_final = e.downcast_ref::<Failed>().is_some_and(|f| f.is_final);
            if is_final || began.elapsed() > PATIENCE || self.target.is_closed() {
                return Err(self.say(e));
            }
            tracing::warn!("{}; tried again in {wait:?}", self.say(e));
            std::thread::sleep(wait);
            wait = (wait * 2).min(WAIT_MOST);
        }
    }

    fn try_commit(&mut self, output: &LaneOutput) -> Result<()> {
        self.get_ready()?;
        let incarnation = &self.target.name.incarnation;
        let is_sent = |ready: &Ready| ready.marker.as_ref().is_some_and(|m| m.covers(incarnation, output.number));
        if self.ready.as_ref().is_some_and(is_sent) {
            return Ok(()); // the producer has not begun, and stays
        }
        let Some(Ready { transaction, .. }) = self.ready.take() else { return Err("the lane got ready".into()) };
        let (target, lane, output) = (Arc::clone(&self.target), self.lane, output.clone());
        let work = move || (queue(&transaction, &target, lane, &output), transaction);
        let (queued, transaction) = self.target.once()?.queueing.run(work)?;
        queued?;
        transaction.flush()?;
        failpoint::hit("transaction.sent")?;
        transaction.commit()?;
        failpoint::hit("transaction.committed")?;
        // The end of a producer takes a while, since its threads are waited for: nothing has to wait for that.
        drop(tokio::task::spawn_blocking(move || drop(transaction)));
        Ok(())
    }

    fn get_ready(&mut self) -> Result<()> {
        if self.ready.is_some() {
            return Ok(());
        }
        let markers = &self.target.once()?.markers;
        let transaction = Transaction::init(&self.target, &self.target.transactional_id(self.lane), STEP)?;
        let marker = markers.read(self.lane)?;
        self.ready = Some(Ready { transaction, marker });
        Ok(())
    }

    fn say(&self, e: BoxError) -> BoxError {
        let is_final = e.downcast_ref::<Failed>().is_some_and(|f| f.is_final);
        let how = if is_final { "; another try would fail in the same way" } else { "" };
        let id = self.target.transactional_id(self.lane);
        format!("kafka topic {:?}, transactional id {id:?}: {e}{how}", self.target.topic).into()
    }
}

/// Begins and queues everything, in the lane's turn: none is open while it waits for that. The marker goes first: where a
/// broker loses the markers of an abort, the lane then sees that it hangs.
fn queue(transaction: &Transaction, target: &Target, lane: u32, output: &LaneOutput) -> Result<()> {
    transaction.begin()?;
    failpoint::hit("transaction.begun")?;
    let marker = Marker { incarnation: target.name.incarnation.clone(), number: output.number }.encode();
    let id = target.transactional_id(lane);
    let record = RecordRef {
        topic: Some(&target.once()?.markers.topic),
        partition: Some(i32::try_from(lane)?),
        key: Some(id.as_bytes()),
        value: Some(marker.as_bytes()),
        ..RecordRef::default()
    };
    transaction.send(&record).map_err(|e| transaction.failed("send of the marker", e))?;
    failpoint::hit("transaction.marked")?;
    let mut failed = None;
    let sent = output.each(|record| {
        transaction.send(&record).map_err(|e| {
            let text = e.to_string();
            failed = Some(e);
            text
        })
    });
    match failed {
        Some(e) => Err(transaction.failed("send", e)),
        None => sent.map_err(BoxError::from),
    }
}
