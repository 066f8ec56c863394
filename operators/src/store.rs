//! Keyed state of one operator on one worker, with all that a checkpoint asks of it.
use millstream_runtime::checkpoint::{OperatorInfo, Section};
use millstream_runtime::data::Key;
use millstream_runtime::graph::OperatorInit;
use millstream_runtime::sink::Room;
use millstream_runtime::state::{
    Backend, Changes, Column, Cursor, Disk, Memory, Plan, Slot, StateBackend, StoredState, Unknown,
};
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
/// So many rows are loaded at once where all of them are visited.
const VISIT_STEP: usize = 1024;

/// What has columns: the handles of a state, and timers.
pub(crate) trait Columned {
    /// Always in the same order.
    fn columns(&mut self) -> Vec<&mut dyn Column>;
}

/// The backend. What each record needs is called without a pointer.
#[expect(clippy::large_enum_variant, reason = "one for each operator; a box would cost each record in memory a load")]
enum Rows<K: Key> {
    Memory(Memory<K>),
    Disk(Box<Disk<K>>),
}

impl<K: Key> Rows<K> {
    fn get(&self) -> &dyn Backend<K> {
        match self {
            Self::Memory(rows) => rows,
            Self::Disk(rows) => &**rows,
        }
    }

    /// For what a snapshot writes.
    fn changes(&self) -> Changes {
        match self {
            Self::Memory(_) => Changes::default(),
            Self::Disk(rows) => rows.changes(),
        }
    }

    fn get_mut(&mut self) -> &mut dyn Backend<K> {
        match self {
            Self::Memory(rows) => rows,
            Self::Disk(rows) => &mut **rows,
        }
    }
}

/// The rows of an operator, by key. The handles are beside it, in what is [`Columned`].
pub(crate) struct Store<K: Key> {
    uid: String,
    kind: &'static str,
    section: String,
    rows: Rows<K>,
    cursor: Rc<Cursor>,
    is_pinned: bool,
    snapshot: Option<Changes>,
}

impl<K: Key> Store<K> {
    /// Without rows. Handles are made with [`Store::cursor`], then comes [`Store::restore`].
    ///
    /// # Errors
    /// Where the scratch folder cannot be used.
    pub fn new(init: &OperatorInit<'_>, kind: &'static str) -> Result<Self> {
        let cursor = Cursor::new();
        let rows = match init.state_backend() {
            StateBackend::Memory => Rows::Memory(Memory::new(&cursor)),
            StateBackend::Disk(scratch) => Rows::Disk(Box::new(Disk::new(&cursor, scratch)?)),
        };
        Ok(Self::over(init, kind, cursor, rows))
    }

    /// The same, always in memory: for few rows, all of which are needed soon.
    pub fn in_memory(init: &OperatorInit<'_>, kind: &'static str) -> Self {
        let cursor = Cursor::new();
        let rows = Rows::Memory(Memory::new(&cursor));
        Self::over(init, kind, cursor, rows)
    }

    fn over(init: &OperatorInit<'_>, kind: &'static str, cursor: Rc<Cursor>, rows: Rows<K>) -> Self {
        let (uid, section) = (init.uid.into(), init.section().into());
        Self { uid, kind, section, rows, cursor, is_pinned: false, snapshot: None }
    }

    /// A row keeps its slot as long as it is there: for who remembers slots.
    pub fn pinned(mut self) -> Self {
        self.is_pinned = true;
        if let Rows::Disk(rows) = &mut self.rows {
            rows.pin();
        }
        self
    }

    /// What the handles look at.
    pub fn cursor(&self) -> &Rc<Cursor> {
        &self.cursor
    }

    /// Loads the rows of the checkpoint, if there is one.
    pub fn restore(&mut self, init: &OperatorInit<'_>, handles: &mut dyn Columned) -> Result<()> {
        let Some(stored) = init.info().and_then(|info| info.state.clone()) else { return Ok(()) };
        self.replay(init, stored, handles).map_err(|e| self.say(e))
    }

    fn replay(&mut self, init: &OperatorInit<'_>, stored: StoredState, handles: &mut dyn Columned) -> Result<()> {
        let unknown = if init.may_drop_state() { Unknown::Drop } else { Unknown::Refuse };
        let mut columns = handles.columns();
        let plan = Plan::new::<K>(stored, &columns, unknown)?;
        let backend = self.rows.get_mut();
        init.entries(&mut |group, entry| Ok(backend.restore(&mut columns, &plan, group, entry)?))?;
        backend.settle(&mut columns)?;
        if !plan.is_exact() {
            // Other schemas, other numbers of columns: the next snapshot is whole, under another name.
            backend.rewrite(&mut columns)?;
            self.section = format!("{}@{}", self.uid, init.first_number());
        }
        Ok(())
    }

    fn say(&self, e: impl std::fmt::Display) -> BoxError {
        format!("{} {:?}: {e}", self.kind, self.uid).into()
    }

    /// The slots of a batch of keys, appended to `out`; then comes [`Store::fetch`]. They are valid until the store settles.
    pub fn resolve<'k>(&mut self, hashes: &[u64], key: impl Fn(usize) -> &'k K, out: &mut Vec<Slot>)
    where
        K: 'k,
    {
        match &mut self.rows {
            Rows::Memory(rows) => rows.resolve_all(hashes, key, out),
            Rows::Disk(rows) => rows.resolve_all(hashes, key, out),
        }
    }

    /// Brings the state of these keys near the processor: many misses at once instead of one for each record.
    pub fn fetch(&mut self, slots: &[Slot], handles: &mut dyn Columned) -> Result<()> {
        self.load(slots, handles)?;
        if self.rows.get().len() > FETCH_FROM {
            handles.columns().iter().for_each(|column| column.fetch(slots));
        }
        Ok(())
    }

    /// Brings the state of remembered slots back from the disk, before they are entered.
    pub fn load(&mut self, slots: &[Slot], handles: &mut dyn Columned) -> Result<()> {
        match &mut self.rows {
            Rows::Memory(_) => Ok(()),
            Rows::Disk(rows) => rows.load(&mut handles.columns(), slots).map_err(|e| self.say(e)),
        }
    }

    /// From now on the handles show the key of this slot.
    #[inline]
    pub fn enter(&self, slot: Slot) {
        self.cursor.enter(slot);
    }

    /// The key of a live slot.
    pub fn key(&self, slot: Slot) -> Option<&K> {
        match &self.rows {
            Rows::Memory(rows) => rows.key(slot),
            Rows::Disk(rows) => rows.key(slot),
        }
    }

    /// The slots of all rows.
    ///
    /// # Errors
    /// Where rows may have left memory together with their slots: this is for a store that is pinned or in memory.
    pub fn slots(&self) -> Result<Vec<Slot>> {
        if matches!(&self.rows, Rows::Disk(_)) && !self.is_pinned {
            return Err(self.say("rows on the disk have no slots unless the store is pinned: some would be left out"));
        }
        let mut slots = vec![];
        self.rows.get().for_each_slot(&mut |slot| slots.push(slot));
        Ok(slots)
    }

    /// Visits every row, entered: to make again what is derived from state after a restore.
    ///
    /// # Errors
    /// As [`Store::slots`], and where the disk fails.
    pub fn for_each<C: Columned>(&mut self, handles: &mut C, mut visit: impl FnMut(&C, Slot, &K)) -> Result<()> {
        for slots in self.slots()?.chunks(VISIT_STEP) {
            self.load(slots, handles)?;
            for slot in slots {
                self.cursor.enter(*slot);
                if let Some(key) = self.key(*slot) {
                    visit(handles, *slot, key);
                }
            }
            self.settle(handles)?;
        }
        Ok(())
    }

    /// After each batch and each round of timers: empty rows go.
    pub fn settle(&mut self, handles: &mut dyn Columned) -> Result<()> {
        self.cursor.leave();
        self.rows.get_mut().settle(&mut handles.columns()).map_err(|e| self.say(e))
    }

    /// Processing time goes on: state that outlived its TTL goes.
    pub fn pass(&mut self, now: Timestamp, handles: &mut dyn Columned) -> Result<()> {
        if self.cursor.now() >= now {
            return Ok(());
        }
        self.cursor.set_now(now);
        self.rows.get_mut().expire(&mut handles.columns(), EXPIRE_STEP).map_err(|e| self.say(e))
    }

    /// Begins a snapshot.
    pub fn freeze(&mut self, handles: &mut dyn Columned) -> Result<()> {
        self.rows.get_mut().freeze(&mut handles.columns()).map_err(|e| self.say(e))?;
        self.snapshot = Some(self.rows.changes());
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
            let done = match self.rows.get_mut().encode(&mut columns, ENCODE_STEP, &mut snapshot) {
                Ok(done) => done,
                Err(e) => return Poll::Ready(Err(self.say(e))),
            };
            if let Err(e) = snapshot.check() {
                return Poll::Ready(Err(self.say(e)));
            }
            if done {
                self.rows.get_mut().durable(&mut columns);
                let written = snapshot.finish().map_err(|e| self.say(e));
                return Poll::Ready(written.map(|written| vec![Section::keyed(self.section.clone(), written)]));
            }
            if !hurry && Instant::now() >= until {
                self.snapshot = Some(snapshot);
                task.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }

    /// Whether there is room for the state of more keys.
    pub fn room(&self) -> Room {
        match &self.rows {
            Rows::Disk(rows) if rows.is_short() => Room::Busy,
            Rows::Disk(_) | Rows::Memory(_) => Room::Plenty,
        }
    }

    /// What a checkpoint tells of the operator.
    pub fn info(&self, handles: &mut dyn Columned) -> OperatorInfo {
        let state = Some(StoredState::of::<K>(&handles.columns()));
        OperatorInfo { section: self.section.clone(), state, ..OperatorInfo::new(&self.uid, self.kind) }
    }
}
