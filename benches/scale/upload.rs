//! What a checkpoint writes after a hundredth of the keys has changed.
use crate::local::{backend, say};
use millstream::runtime::codec::KeyHasher;
use millstream::runtime::state::{
    Backend, Column, Cursor, Disk, EntrySink, Memory, StateBackend, StateSpace, Timers, Value,
};
use millstream::{KeyedState, runtime::run::mix};

const KEYS: u64 = 500_000;
const CHANGED: u64 = KEYS / 100;
const VALUE: usize = 100;

/// Bytes of keys and values.
#[derive(Default)]
struct Bytes(u64);

impl EntrySink for Bytes {
    fn put(&mut self, _: u16, _: u16, key: &[u8], sub: &[u8], value: &[u8]) {
        self.0 += (key.len() + sub.len() + value.len()) as u64;
    }
    fn delete(&mut self, _: u16, _: u16, key: &[u8], sub: &[u8]) {
        self.0 += (key.len() + sub.len()) as u64;
    }
    fn delete_row(&mut self, _: u16, key: &[u8]) {
        self.0 += key.len() as u64;
    }
}

/// An operator's state.
struct Keyed {
    rows: Box<dyn Backend<u64>>,
    state: Value<Vec<u8>>,
    timers: Timers<()>,
}

impl Keyed {
    fn new(rows: Box<dyn Backend<u64>>) -> Self {
        let cursor = rows.cursor().clone();
        Self { rows, state: KeyedState::open(&mut StateSpace::new(&cursor)), timers: Timers::new(&cursor) }
    }

    fn write(&mut self, keys: impl Iterator<Item = u64>) {
        let mut hasher = KeyHasher::default();
        for key in keys {
            let slot = self.rows.resolve(hasher.hash(&key), &key);
            let mut columns: Vec<&mut dyn Column> = self.state.columns();
            columns.push(self.timers.column());
            self.rows.load(&mut columns, &[slot]).expect("the row is there");
            self.rows.cursor().enter(slot);
            self.state.set(vec![key as u8; VALUE]);
            self.rows.cursor().leave();
            let mut columns: Vec<&mut dyn Column> = self.state.columns();
            columns.push(self.timers.column());
            self.rows.settle(&mut columns).expect("it settles");
        }
    }

    /// The bytes of a snapshot.
    fn snapshot(&mut self) -> u64 {
        let (mut columns, mut bytes): (Vec<&mut dyn Column>, _) = (self.state.columns(), Bytes::default());
        columns.push(self.timers.column());
        self.rows.freeze(&mut columns).expect("none is outstanding");
        while !self.rows.encode(&mut columns, 10_000, &mut bytes).expect("it can be encoded") {}
        self.rows.durable(&mut columns);
        bytes.0
    }
}

pub fn measure() {
    println!(
        "\na checkpoint after 1 % of {KEYS} keys of {VALUE} bytes has changed: bytes of it, as a part of the state"
    );
    for (what, memory) in [("in memory", None), ("on the disk, state of 4 times the budget", Some(KEYS * 150 / 4))] {
        let folder = tempfile::tempdir().expect("a folder");
        let cursor = Cursor::new();
        let mut keyed = Keyed::new(match backend(folder.path(), memory) {
            StateBackend::Memory => Box::new(Memory::new(&cursor)),
            StateBackend::Disk(scratch) => Box::new(Disk::new(&cursor, &scratch).expect("a scratch folder")),
        });
        keyed.write(0..KEYS);
        let whole = keyed.snapshot();
        keyed.write((0..CHANGED).map(|n| mix(n) % KEYS));
        let part = keyed.snapshot() as f64 / whole as f64;
        say(what, format!("{:.2} %", part * 100.0), "< 5 %", part < 0.05);
    }
}
