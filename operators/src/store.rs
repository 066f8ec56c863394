//! Keyed state of one operator on one worker, with all that a checkpoint asks of it.
use millstream_runtime::checkpoint::{EntryWriter, Grouped, OperatorInfo, Section};
use millstream_runtime::data::Key;
use millstream_runtime::graph::OperatorInit;
use millstream_runtime::state::{Backend, Column, Cursor, EntrySink, Memory, Plan, Slot, StoredState, Unknown};
use millstream_runtime::time::Timestamp;
use millstream_runtime::{BoxError, Result};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// So many entries of a snapshot are encoded between two looks at the clock.
const ENCODE_STEP: usize = 256;
/// So long a turn of encoding lasts.
const ENCODE_TURN: Duration = Duration::from_micros(500);
/// With fewer keys the state is near the processor anyway.
const FETCH_FROM: usize = 10_000;
/// So many cells are looked at for their TTL with each tick.
const EXPIRE_STEP: usize = 1024;

/// What has columns: the handles of a state, and timers.
pub(crate) trait Columned {
    /// Always in the same order.
    fn columns(&mut self) -> Vec<&mut dyn Column>;
}

/// The rows of an operator, by key. The handles are beside it, in what is [`Columned`].
pub(crate) struct Store<K: Key> {
    uid: String,
    kind: &'static str,
    section: String,
    backend: Memory<K>,
    cursor: Rc<Cursor>,
    snapshot: Option<Grouping>,
}

/// What a snapshot has written so far.
#[derive(Default)]
struct Grouping {
    grouped: Grouped,
    failed: Option<BoxError>,
}

impl<K: Key> Store<K> {
    /// Without rows. Handles are made with [`Store::cursor`], then comes [`Store::restore`].
    pub fn new(init: &OperatorInit<'_>, kind: &'static str) -> Self {
        let cursor = Cursor::new();
        let (uid, section, backend) = (init.uid.into(), init.section().into(), Memory::new(&cursor));
        Self { uid, kind, section, backend, cursor, snapshot: None }
    }

    /// What the handles look at.
    pub fn cursor(&self) -> &Rc<Cursor> {
        &self.cursor
    }

    /// Loads the rows of the checkpoint, if there is one.
    pub fn restore(&mut self, init: &OperatorInit<'_>, handles: &mut dyn Columned) -> Result<()> {
        let Some(stored) = init.info().and_then(|info| info.state.clone()) else { return Ok(()) };
        self.load(init, stored, handles).map_err(|e| self.say(e))
    }

    fn load(&mut self, init: &OperatorInit<'_>, stored: StoredState, handles: &mut dyn Columned) -> Result<()> {
        let unknown = if init.may_drop_state() { Unknown::Drop } else { Unknown::Refuse };
        let mut columns = handles.columns();
        let plan = Plan::new::<K>(stored, &columns, unknown)?;
        let backend = &mut self.backend;
        init.entries(&mut |group, entry| Ok(backend.restore(&mut columns, &plan, group, entry)?))?;
        backend.settle(&mut columns)?;
        if !plan.is_exact() {
            // Other schemas, other numbers of columns: the next snapshot is whole, under another name.
            backend.rewrite(&mut columns);
            self.section = format!("{}@{}", self.uid, init.first_number());
        }
        Ok(())
    }

    fn say(&self, e: impl std::fmt::Display) -> BoxError {
        format!("{} {:?}: {e}", self.kind, self.uid).into()
    }

    /// The slots of a batch of keys, appended to `out`. They are valid until the store settles.
    pub fn resolve<'k>(&mut self, hashes: &[u64], key: impl Fn(usize) -> &'k K, out: &mut Vec<Slot>)
    where
        K: 'k,
    {
        self.backend.resolve_all(hashes, key, out);
    }

    /// Brings the state of these keys near the processor: many misses at once instead of one for each record.
    pub fn fetch(&self, slots: &[Slot], handles: &mut dyn Columned) {
        if self.backend.len() > FETCH_FROM {
            handles.columns().iter().for_each(|column| column.fetch(slots));
        }
    }

    /// From now on the handles show the key of this slot.
    #[inline]
    pub fn enter(&self, slot: Slot) {
        self.cursor.enter(slot);
    }

    /// The key of a live slot.
    pub fn key(&self, slot: Slot) -> Option<&K> {
        self.backend.key(slot)
    }

    /// Visits every row, entered: to make again what is derived from state after a restore.
    pub fn for_each(&self, mut visit: impl FnMut(Slot)) {
        self.backend.for_each_slot(&mut |slot| {
            self.cursor.enter(slot);
            visit(slot);
        });
        self.cursor.leave();
    }

    /// After each batch and each round of timers: empty rows go.
    pub fn settle(&mut self, handles: &mut dyn Columned) -> Result<()> {
        self.cursor.leave();
        self.backend.settle(&mut handles.columns()).map_err(|e| self.say(e))
    }

    /// Processing time goes on: state that outlived its TTL goes.
    pub fn pass(&mut self, now: Timestamp, handles: &mut dyn Columned) -> Result<()> {
        if self.cursor.now() >= now {
            return Ok(());
        }
        self.cursor.set_now(now);
        self.backend.expire(&mut handles.columns(), EXPIRE_STEP).map_err(|e| self.say(e))
    }

    /// Begins a snapshot.
    pub fn freeze(&mut self, handles: &mut dyn Columned) -> Result<()> {
        self.backend.freeze(&mut handles.columns()).map_err(|e| self.say(e))?;
        self.snapshot = Some(Grouping::default());
        Ok(())
    }

    /// Goes on with the snapshot for a turn; ready with its section when it is whole. The coordinator keeps what it was
    /// given until it is durable, so here the snapshot is over then.
    pub fn poll_snapshot(
        &mut self,
        task: &mut Context<'_>,
        hurry: bool,
        handles: &mut dyn Columned,
    ) -> Poll<Result<Vec<Section>>> {
        let Some(mut snapshot) = self.snapshot.take() else { return Poll::Ready(Ok(vec![])) };
        let (until, mut columns) = (Instant::now() + ENCODE_TURN, handles.columns());
        loop {
            let done = match self.backend.encode(&mut columns, ENCODE_STEP, &mut snapshot) {
                Ok(done) => done,
                Err(e) => return Poll::Ready(Err(self.say(e))),
            };
            if let Some(e) = snapshot.failed.take() {
                return Poll::Ready(Err(e));
            }
            if done {
                self.backend.durable(&mut columns);
                return Poll::Ready(Ok(vec![Section::keyed(self.section.clone(), snapshot.grouped)]));
            }
            if !hurry && Instant::now() >= until {
                self.snapshot = Some(snapshot);
                task.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }

    /// What a checkpoint tells of the operator.
    pub fn info(&self, handles: &mut dyn Columned) -> OperatorInfo {
        let state = Some(StoredState::of::<K>(&handles.columns()));
        OperatorInfo { section: self.section.clone(), state, ..OperatorInfo::new(&self.uid, self.kind) }
    }
}

impl Grouping {
    fn write(&mut self, group: u16, write: impl FnOnce(&mut EntryWriter<'_>)) {
        if let Err(e) = self.grouped.push(group, write) {
            self.failed.get_or_insert(e.into());
        }
    }
}

impl EntrySink for Grouping {
    fn put(&mut self, group: u16, column: u16, key: &[u8], sub: &[u8], value: &[u8]) {
        self.write(group, |w| w.put(column, key, sub, value));
    }
    fn delete(&mut self, group: u16, column: u16, key: &[u8], sub: &[u8]) {
        self.write(group, |w| w.delete(column, key, sub));
    }
    fn delete_row(&mut self, group: u16, key: &[u8]) {
        self.write(group, |w| w.delete_row(key));
    }
}
