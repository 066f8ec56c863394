//! Keyed state of one operator on one worker, with all that a checkpoint asks of it.
use millstream_runtime::checkpoint::{EntryWriter, Grouped, OperatorInfo, Section};
use millstream_runtime::data::{Key, State};
use millstream_runtime::graph::OperatorInit;
use millstream_runtime::state::{
    Backend, Change, Column, Cursor, EntrySink, KeyedState, Memory, Plan, Slot, StateSpace, StoredState, Timers, Unknown,
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
/// So many cells are looked at for their TTL with each tick.
const EXPIRE_STEP: usize = 1024;

/// Rows of state by key, with timers that carry `M`.
pub(crate) struct Store<K: Key, S: KeyedState, M: State> {
    uid: String,
    kind: &'static str,
    section: String,
    backend: Memory<K>,
    /// The handles: they show the key that was entered.
    pub state: S,
    /// Timers of all keys.
    pub timers: Timers<M>,
    cursor: Rc<Cursor>,
    snapshot: Option<Grouping>,
}

/// What a snapshot has written so far.
#[derive(Default)]
struct Grouping {
    grouped: Grouped,
    failed: Option<BoxError>,
}

impl<K: Key, S: KeyedState, M: State> Store<K, S, M> {
    /// Without state, or with that of the checkpoint.
    pub fn open(init: &OperatorInit<'_>, kind: &'static str) -> Result<Self> {
        let cursor = Cursor::new();
        let state = S::open(&mut StateSpace::new(&cursor));
        let mut store = Self {
            uid: init.uid.into(),
            kind,
            section: init.section().into(),
            backend: Memory::new(&cursor),
            state,
            timers: Timers::new(&cursor),
            cursor,
            snapshot: None,
        };
        if let Some(stored) = init.info().and_then(|info| info.state.clone()) {
            store.restore(init, stored).map_err(|e| BoxError::from(format!("{:?}: {e}", init.uid)))?;
        }
        Ok(store)
    }

    fn restore(&mut self, init: &OperatorInit<'_>, stored: StoredState) -> Result<()> {
        let unknown = if init.may_drop_state() { Unknown::Drop } else { Unknown::Refuse };
        let plan = self.with(|_, columns| Plan::new::<K>(stored, columns, unknown))?;
        let mut columns = columns_of(&mut self.state, &mut self.timers);
        let backend = &mut self.backend;
        init.entries(&mut |group, entry| Ok(backend.restore(&mut columns, &plan, group, change_of(entry))?))?;
        backend.settle(&mut columns)?;
        if !plan.is_exact() {
            // Other schemas, other numbers of columns: the next snapshot is whole, under another name.
            backend.rewrite(&mut columns);
            self.section = format!("{}@{}", self.uid, init.first_number());
        }
        Ok(())
    }

    fn with<R>(&mut self, f: impl FnOnce(&mut Memory<K>, &mut [&mut dyn Column]) -> R) -> R {
        let mut columns = columns_of(&mut self.state, &mut self.timers);
        f(&mut self.backend, &mut columns)
    }

    /// The slots of a batch of keys, appended to `out`. They are valid until the store settles.
    pub fn resolve<'k>(&mut self, hashes: &[u64], key: impl Fn(usize) -> &'k K, out: &mut Vec<Slot>)
    where
        K: 'k,
    {
        self.backend.resolve_all(hashes, key, out);
    }

    /// From now on the handles show the key of this slot.
    pub fn enter(&self, slot: Slot) {
        self.cursor.enter(slot);
    }

    /// The key of a live slot.
    pub fn key(&self, slot: Slot) -> Option<&K> {
        self.backend.key(slot)
    }

    /// After each batch and each round of timers: empty rows go.
    pub fn settle(&mut self) -> Result<()> {
        self.cursor.leave();
        let settled = self.with(|backend, columns| backend.settle(columns));
        settled.map_err(|e| BoxError::from(format!("{:?}: {e}", self.uid)))
    }

    /// Processing time goes on: state that outlived its TTL goes.
    pub fn pass(&mut self, now: Timestamp) -> Result<()> {
        if self.cursor.now() >= now {
            return Ok(());
        }
        self.cursor.set_now(now);
        Ok(self.with(|backend, columns| backend.expire(columns, EXPIRE_STEP))?)
    }

    /// Begins a snapshot.
    pub fn freeze(&mut self) -> Result<()> {
        self.with(|backend, columns| backend.freeze(columns))?;
        self.snapshot = Some(Grouping::default());
        Ok(())
    }

    /// Goes on with the snapshot for a turn; ready with its section when it is whole. The coordinator keeps what it was
    /// given until it is durable, so here the snapshot is over then.
    pub fn poll_snapshot(&mut self, task: &mut Context<'_>, hurry: bool) -> Poll<Result<Vec<Section>>> {
        let Some(mut snapshot) = self.snapshot.take() else { return Poll::Ready(Ok(vec![])) };
        let until = Instant::now() + ENCODE_TURN;
        loop {
            let done = match self.with(|backend, columns| backend.encode(columns, ENCODE_STEP, &mut snapshot)) {
                Ok(done) => done,
                Err(e) => return Poll::Ready(Err(format!("{:?}: {e}", self.uid).into())),
            };
            if let Some(e) = snapshot.failed.take() {
                return Poll::Ready(Err(e));
            }
            if done {
                self.with(|backend, columns| backend.durable(columns));
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
    pub fn info(&mut self) -> OperatorInfo {
        let state = Some(self.with(|_, columns| StoredState::of::<K>(columns)));
        OperatorInfo { section: self.section.clone(), state, ..OperatorInfo::new(&self.uid, self.kind) }
    }
}

/// The columns of the state, then the timers: always in this order.
fn columns_of<'a, S: KeyedState, M: State>(state: &'a mut S, timers: &'a mut Timers<M>) -> Vec<&'a mut dyn Column> {
    let mut columns = state.columns();
    columns.push(timers.column());
    columns
}

fn change_of(entry: millstream_runtime::checkpoint::Entry<'_>) -> Change<'_> {
    use millstream_runtime::checkpoint::Entry;
    match entry {
        Entry::Put { column, key, sub, value } => Change::Put { column, key, sub, value },
        Entry::Delete { column, key, sub } => Change::Delete { column, key, sub },
        Entry::DeleteRow { key } => Change::DeleteRow { key },
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
