//! The output of one lane in one interval: what a checkpoint promises.
use crate::sink::record::{self, KafkaRecord, RecordRef};
use millstream_runtime::data::{Schema, State};
use millstream_runtime::sink::Chunk;
use serde::{Deserialize, Serialize};

/// A chunk is closed at this size. Records do not cross chunks, until a checkpoint was read back.
const CHUNK: usize = 256 << 10;

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
#[derive(Default)]
pub(crate) struct Filling {
    closed: Vec<Chunk>,
    open: Vec<u8>,
    records: u64,
    bytes: usize,
}

impl Filling {
    /// Appends a record, and says how many bytes that were.
    pub fn push(&mut self, record: &KafkaRecord) -> usize {
        let before = self.open.len();
        record.encode(&mut self.open);
        let bytes = self.open.len() - before;
        self.records += 1;
        self.bytes += bytes;
        if self.open.len() >= CHUNK {
            let full = std::mem::replace(&mut self.open, Vec::with_capacity(CHUNK + CHUNK / 8));
            self.closed.push(full.into());
        }
        bytes
    }

    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    pub fn finish(mut self, lane: u32, number: u64) -> LaneOutput {
        if !self.open.is_empty() {
            self.closed.push(self.open.into());
        }
        LaneOutput { lane, number, records: self.records, bytes: self.bytes as u64, bulk: self.closed }
    }
}
