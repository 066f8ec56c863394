//! The sink: lanes that commit in order, output written ahead into the checkpoint, and little room.
use crate::job::World;
use crate::records::{ANSWER, Rec};
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::codec;
use millstream_runtime::data::{Schema, State};
use millstream_runtime::sink::{Chunk, Lanes, Room, Sink, Staging, Writer, now};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

const LANES: u64 = 3;

/// With so many records the sink asks for the end of the interval, with so many it takes no more.
const SCARCE: usize = 40;
const FULL: usize = 60;

pub struct Out {
    pub world: Arc<World>,
}

/// The output of a lane in an interval.
#[derive(Clone, Serialize, Deserialize)]
pub struct Staged {
    n: u64,
    lane: u64,
    count: u64,
    #[serde(skip)]
    records: Vec<Rec>,
}

impl State for Staged {
    const SCHEMA: Schema = Schema::new("Staged", 1, "{n,lane,count}");
}

fn lane_of(record: &Rec) -> u64 {
    record.1 % LANES
}

impl Sink<Rec> for Out {
    type Writer = OutWriter;

    fn open(&self, _worker: usize, _staged: &[Staged]) -> Result<OutWriter> {
        Ok(OutWriter::default())
    }

    fn commit(&self, staged: Staged) -> Staging<()> {
        now(self.make_visible(staged).map_err(Into::into))
    }

    fn lanes(&self) -> Option<Lanes<Rec, Staged>> {
        Some(Lanes { record: Box::new(lane_of), staged: |staged| staged.lane })
    }
}

impl Out {
    fn make_visible(&self, Staged { n, lane, count, records }: Staged) -> Result<(), String> {
        if count != records.len() as u64 {
            return Err(format!("lane {lane} of {n} has {} of {count} records", records.len()));
        }
        let mut committed = self.world.committed.lock().expect("no commit panics");
        let newest = committed.keys().filter(|(_, of)| *of == lane).map(|(n, _)| *n).max();
        match committed.get(&(n, lane)) {
            Some(before) if *before == records => return Ok(()),
            Some(_) => return Err(format!("another commit of lane {lane} of {n}")),
            None if newest > Some(n) => return Err(format!("lane {lane} commits {n} behind {newest:?}")),
            None => {}
        }
        committed.insert((n, lane), records);
        Ok(())
    }
}

#[derive(Default)]
pub struct OutWriter {
    lanes: BTreeMap<u64, Vec<Rec>>,
    held: usize,
}

impl Writer<Rec> for OutWriter {
    type Committable = Staged;

    fn write(&mut self, batch: &mut Batch<Rec>) -> Result<()> {
        for record in batch.drain().filter(|r| r.0 >= ANSWER) {
            self.lanes.entry(lane_of(&record)).or_default().push(record);
            self.held += 1;
        }
        Ok(())
    }

    fn prepare(&mut self, n: u64) -> Staging<Vec<Staged>> {
        self.held = 0;
        let lanes = std::mem::take(&mut self.lanes).into_iter();
        now(Ok(lanes.map(|(lane, records)| Staged { n, lane, count: records.len() as u64, records }).collect()))
    }

    fn detach(staged: &mut Staged) -> Option<Vec<Chunk>> {
        let bytes = codec::encode(&std::mem::take(&mut staged.records)).expect("records can be encoded");
        Some(bytes.chunks(1000).map(|chunk| Chunk::from(chunk.to_vec())).collect())
    }

    fn attach(staged: &mut Staged, bulk: Vec<Chunk>) {
        staged.records = codec::decode(&bulk.concat()).expect("the checkpoint gives back what it was given");
    }

    fn room(&self) -> Room {
        match self.held {
            0..SCARCE => Room::Plenty,
            SCARCE..FULL => Room::Scarce,
            _ => Room::Full,
        }
    }
}
