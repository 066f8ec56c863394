//! How a window operator runs: arrivals by key, and as time moves on the windows that are due.
use super::agenda::{Agenda, Look};
use super::clock::Clock;
use super::folding::{Folding, Reach};
use super::meaning::Meaning;
use super::{Windowed, folding};
use crate::late_log::LateLog;
use crate::store::{Columned, Store};
use millstream_runtime::Result;
use millstream_runtime::batch::{Batch, Parts};
use millstream_runtime::checkpoint::{OperatorInfo, Section};
use millstream_runtime::data::Key;
use millstream_runtime::graph::OperatorInit;
use millstream_runtime::logic::{Logic, More, Turn};
use millstream_runtime::parcel::Parcel;
use millstream_runtime::sink::Room;
use millstream_runtime::state::{Cursor, Slot};
use millstream_runtime::time::Timestamp;
use std::rc::Rc;
use std::task::{Context, Poll};

/// So many keys are looked at in one turn.
const LOOKS_A_TURN: usize = 1024;
/// The state of so many of them is brought near the processor at once.
const FETCHED: usize = 128;

/// What windows of one kind keep for a key, and do with it. The key is the one at the cursor.
pub(super) trait Windowing<K: Key>: Columned + 'static {
    type Folding: Folding<K>;
    fn folding(&self) -> &Self::Folding;
    /// Takes an arrival, or refuses it as too late.
    fn arrive(&mut self, arrived: In<K, Self>, reach: Reach, visit: &mut Visit<'_, K, Self::Folding>);
    /// Looks at the key for windows that are due at this instant. No instant before it is to come.
    fn look(&mut self, at: Timestamp, visit: &mut Visit<'_, K, Self::Folding>);
    /// The looks that a restored key needs.
    fn plan(&self, slot: Slot, watermark: Timestamp, agenda: &mut Agenda);
}

type In<K, W> = <<W as Windowing<K>>::Folding as Folding<K>>::In;
type Emitted<K, W> = <<W as Windowing<K>>::Folding as Folding<K>>::Emitted;

/// What is at hand while one key is visited.
pub(super) struct Visit<'a, K, F: Folding<K>> {
    pub slot: Slot,
    pub key: &'a K,
    /// Of windows over processing time, that.
    pub watermark: Timestamp,
    pub agenda: &'a mut Agenda,
    pub out: &'a mut Batch<F::Emitted>,
    pub late: &'a mut LateLog,
}

impl<K: Key, F: Folding<K>> Visit<'_, K, F> {
    /// Emits a result with an event time.
    pub fn emit(&mut self, folding: &F, (start, end): (Timestamp, Timestamp), revision: u32, value: F::Out, at: i64) {
        let result = Windowed { key: self.key.clone(), start, end, revision, value };
        self.out.push_at(folding.emitted(result), Timestamp(at));
    }

    /// Hands on what is too late, or counts it.
    pub fn too_late(&mut self, folding: &F, arrived: F::In, reach: Reach) {
        match folding.late(arrived) {
            Some(emitted) => self.out.push_at(emitted, reach.first),
            None => self.late.note(reach.records, reach.first, self.watermark),
        }
    }

    /// Plans a look at this key.
    pub fn plan(&mut self, at: Timestamp) {
        self.agenda.add(Look { at, slot: self.slot });
    }
}

/// The logic of one kind of windows.
pub(super) struct WindowLogic<K: Key, W: Windowing<K>> {
    uid: String,
    meaning: Meaning,
    clock: Clock,
    store: Store<K>,
    windows: W,
    agenda: Agenda,
    out: Batch<Emitted<K, W>>,
    late: LateLog,
    slots: Vec<Slot>,
}

/// Of records that are too late.
const CURE: &str = "keep them with .late(uid, sink), or take them with .allowed_lateness(..)";

impl<K: Key, W: Windowing<K>> WindowLogic<K, W> {
    /// With the state of the checkpoint.
    pub fn open(
        init: &OperatorInit<'_>,
        kind: &'static str,
        meaning: Meaning,
        clock: Clock,
        windows: impl FnOnce(&Rc<Cursor>) -> W,
    ) -> Result<Self> {
        meaning.judge(init)?;
        let mut store = Store::new(init, kind)?.pinned();
        let mut windows = windows(store.cursor());
        store.restore(init, &mut windows)?;
        let mut agenda = Agenda::default();
        let now = clock.restored(init);
        store.for_each(&mut windows, |windows, slot, _| windows.plan(slot, now, &mut agenda))?;
        let late = LateLog::new(init.uid, super::MISSED, CURE);
        let (uid, out) = (init.uid.into(), Batch::default());
        Ok(Self { uid, meaning, clock, store, windows, agenda, out, late, slots: vec![] })
    }

    fn end(&mut self, turn: &mut Turn<'_>) -> Result<()> {
        self.store.settle(&mut self.windows)?;
        if self.out.is_empty() { Ok(()) } else { turn.emit(Parcel::new(self.out.renew())) }
    }
}

impl<K: Key, W: Windowing<K>> Logic for WindowLogic<K, W> {
    fn on_batch(&mut self, _port: usize, batch: Parcel, turn: &mut Turn<'_>) -> Result<()> {
        let batch: Batch<(K, In<K, W>)> = batch.open()?;
        let Parts { records, times, hashes, .. } = batch.into_parts();
        self.slots.clear();
        self.store.resolve(&hashes, |i| &records[i].0, &mut self.slots);
        self.store.fetch(&self.slots, &mut self.windows)?;
        let watermark = self.clock.reached(turn);
        for (i, ((key, arrived), slot)) in records.into_iter().zip(&self.slots).enumerate() {
            self.store.enter(*slot);
            let Some(reach) = self.windows.folding().reach(&arrived, self.clock.time(times.get(i).copied(), turn))
            else {
                return Err(folding::untimed(&self.uid));
            };
            let (agenda, out, late) = (&mut self.agenda, &mut self.out, &mut self.late);
            let mut visit = Visit { slot: *slot, key: &key, watermark, agenda, out, late };
            self.windows.arrive(arrived, reach, &mut visit);
        }
        self.end(turn)
    }

    fn on_time(&mut self, turn: &mut Turn<'_>) -> Result<More> {
        let watermark = self.clock.reached(turn);
        for looked in 0..LOOKS_A_TURN {
            if looked % FETCHED == 0 {
                self.slots.clear();
                self.slots.extend(self.agenda.upcoming(watermark, FETCHED));
                self.store.fetch(&self.slots, &mut self.windows)?;
            }
            let Some(look) = self.agenda.pop(watermark) else { break };
            self.store.load(&[look.slot], &mut self.windows)?;
            let Some(key) = self.store.key(look.slot) else { continue };
            self.store.enter(look.slot);
            let (agenda, out, late) = (&mut self.agenda, &mut self.out, &mut self.late);
            let mut visit = Visit { slot: look.slot, key, watermark, agenda, out, late };
            self.windows.look(look.at, &mut visit);
        }
        self.end(turn)?;
        Ok(if self.agenda.is_due(watermark) { More::Yes } else { More::No })
    }

    fn freeze(&mut self, _n: u64) -> Result<()> {
        self.store.freeze(&mut self.windows)
    }

    fn poll_snapshot(&mut self, task: &mut Context<'_>, hurry: bool) -> Poll<Result<Vec<Section>>> {
        self.store.poll_snapshot(task, hurry, &mut self.windows)
    }

    fn info(&mut self) -> OperatorInfo {
        self.meaning.noted(self.store.info(&mut self.windows))
    }

    fn room(&self) -> Room {
        self.store.room()
    }
}
