//! The writer of exactly once: keeps an interval's output, lane by lane, for the checkpoint to write ahead.
use crate::sink::buffers::Buffers;
use crate::sink::direct::DirectWriter;
use crate::sink::lane::Lane;
use crate::sink::output::{Filling, LaneOutput};
use crate::sink::shape::Shared;
use crate::sink::target::Target;
use crate::sink::{lane_of, lock};
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::data::Data;
use millstream_runtime::sink::{Chunk, Room, Staging, Writer, now};
use millstream_runtime::source::Waker;
use std::sync::{Arc, Mutex};

/// One worker's end of a [`KafkaSink`](crate::KafkaSink).
pub enum KafkaWriter<T> {
    /// Exactly once.
    Once(OnceWriter<T>),
    /// At least once.
    Direct(DirectWriter<T>),
}

/// See the module.
pub struct OnceWriter<T> {
    target: Arc<Target>,
    shape: Shared<T>,
    lanes: Vec<Arc<Mutex<Lane>>>,
    filling: Vec<Filling>,
    /// The lanes of this worker, in turn for what has no key.
    own: Vec<u32>,
    turn: usize,
    bytes: usize,
    most: usize,
}

impl<T: Data> OnceWriter<T> {
    pub(crate) fn new(
        target: Arc<Target>,
        shape: Shared<T>,
        lanes: Vec<Arc<Mutex<Lane>>>,
        most: usize,
        worker: usize,
    ) -> Self {
        // At most three intervals are in memory.
        let buffers = Buffers::new(3 * most);
        let filling = lanes.iter().map(|_| Filling::new(buffers.clone())).collect();
        let workers = target.name.workers.max(1);
        let own = (0..lanes.len()).filter(|lane| lane % workers == worker).map(|lane| lane as u32).collect();
        Self { target, shape, lanes, filling, own, turn: 0, bytes: 0, most }
    }

    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        self.turn += 1;
        let turn = self.own.get(self.turn % self.own.len().max(1)).copied().unwrap_or(0);
        let mut shape = self.shape.borrow_mut();
        for value in batch.drain() {
            let record = shape.record(value)?;
            let lane = lane_of(record.key.as_deref(), self.lanes.len() as u32, turn) as usize;
            let record = self.target.limit.apply(record)?;
            let (Some(filling), Some(running)) = (self.filling.get_mut(lane), self.lanes.get(lane)) else { continue };
            if filling.is_empty() {
                warm(running);
            }
            self.bytes += filling.push(&record);
        }
        Ok(())
    }

    fn prepare(&mut self, n: u64) -> Vec<LaneOutput> {
        self.bytes = 0;
        let filled = self.filling.iter_mut().enumerate().filter(|(_, filling)| !filling.is_empty());
        filled.map(|(lane, filling)| filling.finish(lane as u32, n)).collect()
    }
}

/// Gets a lane's producer ready while the interval is filled: a lane without records opens none.
fn warm(lane: &Arc<Mutex<Lane>>) {
    let lane = Arc::clone(lane);
    drop(tokio::task::spawn_blocking(move || lock(&lane).warm()));
}

impl<T: Data> Writer<T> for KafkaWriter<T> {
    type Committable = LaneOutput;

    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        match self {
            KafkaWriter::Once(once) => once.write(batch),
            KafkaWriter::Direct(direct) => direct.write(batch),
        }
    }

    fn prepare(&mut self, n: u64) -> Staging<Vec<LaneOutput>> {
        match self {
            KafkaWriter::Once(once) => now(Ok(once.prepare(n))),
            KafkaWriter::Direct(direct) => direct.prepare(),
        }
    }

    fn detach(staged: &mut LaneOutput) -> Option<Vec<Chunk>> {
        Some(std::mem::take(&mut staged.bulk))
    }

    fn attach(staged: &mut LaneOutput, bulk: Vec<Chunk>) {
        // A checkpoint cuts where it likes; records must not cross chunks.
        staged.bulk = vec![Chunk::from(bulk.concat())];
    }

    fn room(&self) -> Room {
        match self {
            KafkaWriter::Once(once) if once.bytes >= once.most => Room::Full,
            KafkaWriter::Once(once) if once.bytes >= once.most / 2 => Room::Scarce,
            KafkaWriter::Once(_) => Room::Plenty,
            KafkaWriter::Direct(direct) => direct.room(),
        }
    }

    fn wake_by(&mut self, waker: Waker) {
        if let KafkaWriter::Direct(direct) = self {
            direct.wake_by(waker);
        }
    }
}
