//! One window operator without a job around it.
use super::plain::{Emitted, Event};
use crate::aggregate::Aggregate;
use crate::late_log::LateLog;
use crate::stream::Either;
use crate::window::agenda::Agenda;
use crate::window::folding::{Folding, Records};
use crate::window::logic::{Visit, Windowing};
use millstream_runtime::batch::Batch;
use millstream_runtime::codec::KeyHasher;
use millstream_runtime::state::{Backend, Cursor, Entry, EntrySink, Memory, Plan, StoredState, Unknown};
use millstream_runtime::time::Timestamp;
use std::marker::PhantomData;
use std::rc::Rc;

/// The numbers of all records, in order.
pub struct Numbers;

impl Aggregate<Event> for Numbers {
    type Acc = Vec<u32>;
    type Out = Vec<u32>;
    fn init(&self) -> Vec<u32> {
        vec![]
    }
    fn add(&self, acc: &mut Vec<u32>, record: &Event) {
        acc.push(record.2);
    }
    fn merge(&self, into: &mut Vec<u32>, other: Vec<u32>) {
        into.extend(other);
    }
    fn finish(&self, acc: &Vec<u32>) -> Vec<u32> {
        let mut all = acc.clone();
        all.sort();
        all
    }
}

pub fn numbers() -> Records<Event, Numbers> {
    Records { aggregate: Rc::new(Numbers), of: PhantomData }
}

/// What was written by all snapshots so far.
#[derive(Default)]
pub struct Log(Vec<Logged>);

struct Logged {
    group: u16,
    column: Option<u16>,
    key: Vec<u8>,
    sub: Vec<u8>,
    value: Option<Vec<u8>>,
}

impl Log {
    fn push(&mut self, group: u16, column: Option<u16>, key: &[u8], sub: &[u8], value: Option<&[u8]>) {
        let (key, sub, value) = (key.into(), sub.into(), value.map(Into::into));
        self.0.push(Logged { group, column, key, sub, value });
    }
}

impl EntrySink for Log {
    fn put(&mut self, group: u16, column: u16, key: &[u8], sub: &[u8], value: &[u8]) {
        self.push(group, Some(column), key, sub, Some(value));
    }
    fn delete(&mut self, group: u16, column: u16, key: &[u8], sub: &[u8]) {
        self.push(group, Some(column), key, sub, None);
    }
    fn delete_row(&mut self, group: u16, key: &[u8]) {
        self.push(group, None, key, &[], None);
    }
}

/// One operator without a job around it.
pub struct Bench<W> {
    pub memory: Memory<u8>,
    windows: W,
    agenda: Agenda,
    late: LateLog,
    out: Batch<Emitted>,
    hasher: KeyHasher,
}

impl<F: Folding<u8, In = Event, Emitted = Emitted>, W: Windowing<u8, Folding = F>> Bench<W> {
    pub fn new(make: &impl Fn(&Rc<Cursor>) -> W, log: &Log, watermark: i64) -> Self {
        let cursor = Cursor::new();
        let (mut memory, mut windows, mut agenda) = (Memory::new(&cursor), make(&cursor), Agenda::default());
        let mut columns = windows.columns();
        let plan = Plan::new::<u8>(StoredState::of::<u8>(&columns), &columns, Unknown::Refuse).unwrap();
        for Logged { group, column, key, sub, value } in &log.0 {
            let change = match (column, value) {
                (Some(column), Some(value)) => Entry::Put { column: *column, key, sub, value },
                (Some(column), None) => Entry::Delete { column: *column, key, sub },
                _ => Entry::DeleteRow { key },
            };
            memory.restore(&mut columns, &plan, *group, change).unwrap();
        }
        memory.settle(&mut columns).unwrap();
        memory.for_each_slot(&mut |slot| {
            cursor.enter(slot);
            windows.plan(slot, Timestamp(watermark), &mut agenda);
        });
        let (late, out, hasher) = (LateLog::new("test", "it", "nothing"), Batch::default(), KeyHasher::default());
        Self { memory, windows, agenda, late, out, hasher }
    }

    pub fn arrive(&mut self, event: Event, watermark: i64) -> Vec<Emitted> {
        let slot = self.memory.resolve(self.hasher.hash(&event.0), &event.0);
        self.memory.cursor().enter(slot);
        let reach = self.windows.folding().reach(&event, Some(Timestamp(event.1))).unwrap();
        let (agenda, out, late) = (&mut self.agenda, &mut self.out, &mut self.late);
        let mut visit = Visit { slot, key: &event.0, watermark: Timestamp(watermark), agenda, out, late };
        self.windows.arrive(event, reach, &mut visit);
        self.end()
    }

    pub fn advance(&mut self, watermark: i64) -> Vec<Emitted> {
        self.turn(watermark, usize::MAX)
    }

    /// At most so many looks.
    pub fn turn(&mut self, watermark: i64, looks: usize) -> Vec<Emitted> {
        for _ in 0..looks {
            let Some(look) = self.agenda.pop(Timestamp(watermark)) else { break };
            let Some(key) = self.memory.key(look.slot) else { continue };
            self.memory.cursor().enter(look.slot);
            let (agenda, out, late) = (&mut self.agenda, &mut self.out, &mut self.late);
            let mut visit = Visit { slot: look.slot, key, watermark: Timestamp(watermark), agenda, out, late };
            self.windows.look(look.at, &mut visit);
        }
        self.end()
    }

    fn end(&mut self) -> Vec<Emitted> {
        self.memory.settle(&mut self.windows.columns()).unwrap();
        let times = self.out.times().to_vec();
        let out: Vec<Emitted> = self.out.drain().collect();
        for (emitted, at) in out.iter().zip(times) {
            let expected = match emitted {
                Either::Left(w) => w.end.0.saturating_sub(1)..=w.end.0,
                Either::Right(event) => event.1..=event.1,
            };
            assert!(expected.contains(&at.0), "{emitted:?} at {}", at.0);
        }
        out
    }

    pub fn snapshot(&mut self, log: &mut Log) {
        let mut columns = self.windows.columns();
        self.memory.freeze(&mut columns).unwrap();
        while !self.memory.encode(&mut columns, 10, log).unwrap() {}
        self.memory.durable(&mut columns);
    }
}
