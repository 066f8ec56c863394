//! The output of one lane in one interval: what a checkpoint promises.
use crate::sink::buffers::{BUFFER, Buffers};
use crate::sink::record::{self, KafkaRecord, RecordRef};
use millstream_runtime::data::{Schema, State};
use millstream_runtime::sink::Chunk;
use serde::{Deserialize, Serialize};

/// All records of one lane in one interval. Its bytes are written ahead into the checkpoint, in chunks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneOutput {
    /// The lane.
    pub lane: u32,
    /// The number of the checkpoint.
    pub number: u64,
    /// How many records there are.
    pub records: u64,
    /// How many bytes they have in the write-ahead.
    pub bytes: u64,
    /// The records; the checkpoint keeps them apart.
    #[serde(skip)]
    pub(crate) bulk: Vec<Chunk>,
}

impl State for LaneOutput {
    const SCHEMA: Schema = Schema::new("LaneOutput", 1, "{lane:u32,number:u64,records:u64,bytes:u64}");
}

impl LaneOutput {
    /// Gives every record to `take`, in order.
    ///
    /// # Errors
    /// Those of `take`, or where the bytes are not what the checkpoint says.
    pub(crate) fn each(&self, mut take: impl FnMut(RecordRef<'_>) -> Result<(), String>) -> Result<(), String> {
        let broken = || format!("the write-ahead of lane {} in checkpoint {} is broken", self.lane, self.number);
        let held: usize = self.bulk.iter().map(Chunk::len).sum();
        if held as u64 != self.bytes {
            return Err(format!("{}: it has {held} bytes of {}", broken(), self.bytes));
        }
        let mut records = 0;
        for chunk in &self.bulk {
            let mut rest = &chunk[..];
            while !rest.is_empty() {
                take(record::decode(&mut rest).ok_or_else(broken)?)?;
                records += 1;
            }
        }
        if records == self.records { Ok(()) } else { Err(broken()) }
    }
}

/// The output of a lane in the making.
pub(crate) struct Filling {
    buffers: Buffers,
    closed: Vec<Chunk>,
    open: Option<Vec<u8>>,
    records: u64,
    bytes: usize,
}

impl Filling {
    pub fn new(buffers: Buffers) -> Self {
        Self { buffers, closed: vec![], open: None, records: 0, bytes: 0 }
    }

    /// Appends a record, and says how many bytes that were.
    pub fn push(&mut self, record: &KafkaRecord) -> usize {
        let mut open = self.open.take().unwrap_or_else(|| self.buffers.take());
        let before = open.len();
        record.encode(&mut open);
        let bytes = open.len() - before;
        self.records += 1;
        self.bytes += bytes;
        if open.len() < BUFFER {
            self.open = Some(open);
        } else {
            self.closed.push(self.buffers.close(open));
        }
        bytes
    }

    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// What there is, for a checkpoint; then it is empty.
    pub fn finish(&mut self, lane: u32, number: u64) -> LaneOutput {
        let full = std::mem::replace(self, Self::new(self.buffers.clone()));
        let mut bulk = full.closed;
        bulk.extend(full.open.map(|open| self.buffers.close(open)));
        LaneOutput { lane, number, records: full.records, bytes: full.bytes as u64, bulk }
    }
}
