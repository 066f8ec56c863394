//! How `process`, `process2` and `process_fn` run: records and timers of one key at a time.
use crate::process::{Context, Process, Process2};
use crate::store::{Columned, Store};
use millstream_runtime::Result;
use millstream_runtime::batch::{Batch, Parts};
use millstream_runtime::checkpoint::{OperatorInfo, Section};
use millstream_runtime::data::{Data, Key, State};
use millstream_runtime::graph::OperatorInit;
use millstream_runtime::logic::{Logic, More, Turn};
use millstream_runtime::parcel::Parcel;
use millstream_runtime::sink::Room;
use millstream_runtime::state::{Column, Domain, KeyedState, Slot, StateSpace, Timers};
use millstream_runtime::time::Timestamp;
use std::task::{self, Poll};

/// So many records are looked up at once, then handled: their keys and state are in the nearest cache meanwhile.
const CHUNK: usize = 128;
/// So many timers fire in one turn.
const TIMERS_A_TURN: usize = 1024;

/// What a process of one or two inputs is to its logic.
pub(crate) trait Handler: 'static {
    type Key: Key;
    type Left: Data;
    type Right: Data;
    type Out: Data;
    type State: KeyedState;
    type Timer: State;
    fn left(&mut self, record: Self::Left, ctx: &mut ContextOf<Self>);
    fn right(&mut self, record: Self::Right, ctx: &mut ContextOf<Self>);
    fn timer(&mut self, timer: Self::Timer, ctx: &mut ContextOf<Self>);
    /// What was emitted since the last call.
    fn take_out(&mut self, ctx: &mut ContextOf<Self>) -> Batch<Self::Out> {
        ctx.out.renew()
    }
}

type ContextOf<H> = Context<<H as Handler>::Key, <H as Handler>::State, <H as Handler>::Timer, <H as Handler>::Out>;

/// A [`Process`].
pub(crate) struct One<P>(pub P);

impl<P: Process> Handler for One<P> {
    type Key = P::Key;
    type Left = P::In;
    type Right = ();
    type Out = P::Out;
    type State = P::State;
    type Timer = P::Timer;
    fn left(&mut self, record: P::In, ctx: &mut ContextOf<Self>) {
        self.0.on_record(record, ctx);
    }
    fn right(&mut self, (): (), _ctx: &mut ContextOf<Self>) {}
    fn timer(&mut self, timer: P::Timer, ctx: &mut ContextOf<Self>) {
        self.0.on_timer(timer, ctx);
    }
}

/// A [`Process2`].
pub(crate) struct Two<P>(pub P);

impl<P: Process2> Handler for Two<P> {
    type Key = P::Key;
    type Left = P::Left;
    type Right = P::Right;
    type Out = P::Out;
    type State = P::State;
    type Timer = P::Timer;
    fn left(&mut self, record: P::Left, ctx: &mut ContextOf<Self>) {
        self.0.on_left(record, ctx);
    }
    fn right(&mut self, record: P::Right, ctx: &mut ContextOf<Self>) {
        self.0.on_right(record, ctx);
    }
    fn timer(&mut self, timer: P::Timer, ctx: &mut ContextOf<Self>) {
        self.0.on_timer(timer, ctx);
    }
}

/// The context, which has a key only from the first record on.
enum Bench<H: Handler> {
    Empty(H::State, Timers<H::Timer>),
    Taken(ContextOf<H>),
    /// For the moment in which one becomes the other.
    Gone,
}

impl<H: Handler> Bench<H> {
    /// The context; for this key, if it is the first.
    fn context(&mut self, key: &H::Key) -> Option<&mut ContextOf<H>> {
        if let Bench::Empty(..) = self
            && let Bench::Empty(state, timers) = std::mem::replace(self, Bench::Gone)
        {
            *self = Bench::Taken(Context::new(key.clone(), state, timers));
        }
        match self {
            Bench::Taken(ctx) => Some(ctx),
            _ => None,
        }
    }

    fn timers(&mut self) -> Option<&mut Timers<H::Timer>> {
        match self {
            Bench::Empty(_, timers) => Some(timers),
            Bench::Taken(ctx) => Some(&mut ctx.timers),
            Bench::Gone => None,
        }
    }
}

impl<H: Handler> Columned for Bench<H> {
    fn columns(&mut self) -> Vec<&mut dyn Column> {
        let (state, timers) = match self {
            Bench::Empty(state, timers) => (state, timers),
            Bench::Taken(ctx) => (&mut ctx.state, &mut ctx.timers),
            Bench::Gone => return vec![],
        };
        let mut columns = state.columns();
        columns.push(timers.column());
        columns
    }
}

/// The logic of a [`Handler`].
pub(crate) struct ProcessLogic<H: Handler> {
    handler: H,
    store: Store<H::Key>,
    bench: Bench<H>,
    slots: Vec<Slot>,
}

impl<H: Handler> ProcessLogic<H> {
    /// With the state of the checkpoint.
    pub(crate) fn open(handler: H, init: &OperatorInit<'_>, kind: &'static str) -> Result<Self> {
        Self::over(handler, init, Store::new(init, kind)?)
    }

    /// The same, for who visits every key.
    pub(crate) fn open_pinned(handler: H, init: &OperatorInit<'_>, kind: &'static str) -> Result<Self> {
        Self::over(handler, init, Store::new(init, kind)?.pinned())
    }

    fn over(handler: H, init: &OperatorInit<'_>, mut store: Store<H::Key>) -> Result<Self> {
        let state = H::State::open(&mut StateSpace::new(store.cursor()));
        let mut bench = Bench::Empty(state, Timers::new(store.cursor()));
        store.restore(init, &mut bench)?;
        Ok(Self { handler, store, bench, slots: vec![] })
    }

    pub(crate) fn handler(&mut self) -> &mut H {
        &mut self.handler
    }

    /// Calls for every key that has state; of a logic that was opened pinned. What is emitted has the watermark for its
    /// event time.
    pub(crate) fn visit(&mut self, turn: &mut Turn<'_>, mut call: impl FnMut(&mut H, &mut ContextOf<H>)) -> Result<()> {
        for slots in self.store.slots()?.chunks(CHUNK) {
            self.store.load(slots, &mut self.bench)?;
            for slot in slots {
                let Some(key) = self.store.key(*slot).cloned() else { continue };
                self.store.enter(*slot);
                let Some(ctx) = self.bench.context(&key) else { break };
                ctx.key = key;
                ctx.begin(turn, 0);
                ctx.time = Some(turn.watermark).filter(|_| turn.is_timed);
                call(&mut self.handler, ctx);
            }
            self.end(turn)?;
        }
        Ok(())
    }

    fn records<T: Data>(
        &mut self,
        batch: Parcel,
        turn: &mut Turn<'_>,
        call: impl Fn(&mut H, T, &mut ContextOf<H>),
    ) -> Result<()> {
        let batch: Batch<(H::Key, T)> = batch.open()?;
        let Parts { records, times, hashes, .. } = batch.into_parts();
        self.store.cursor().set_now(turn.now);
        if let Some(ctx) = records.first().and_then(|(key, _)| self.bench.context(key)) {
            ctx.begin(turn, records.len());
        }
        let mut times = times.into_iter();
        let mut records = records.into_iter();
        for hashes in hashes.chunks(CHUNK) {
            self.slots.clear();
            self.store.resolve(hashes, |i| &records.as_slice()[i].0, &mut self.slots);
            self.store.fetch(&self.slots, &mut self.bench)?;
            let Bench::Taken(ctx) = &mut self.bench else { break };
            for (slot, (key, record)) in self.slots.iter().zip(&mut records) {
                self.store.enter(*slot);
                ctx.key = key;
                ctx.time = times.next();
                call(&mut self.handler, record, ctx);
            }
        }
        self.end(turn)
    }

    /// Brings the state of the keys near whose timers fire next.
    fn near(&mut self, domain: Domain, up_to: Timestamp) -> Result<()> {
        self.slots.clear();
        if let Some(timers) = self.bench.timers() {
            self.slots.extend(timers.upcoming(domain, up_to, CHUNK));
        }
        self.store.fetch(&self.slots, &mut self.bench)
    }

    /// Fires the timers of one domain that are due; at most `budget`.
    fn fire(&mut self, domain: Domain, up_to: Timestamp, turn: &mut Turn<'_>, budget: &mut usize) -> Result<()> {
        for fired in 0..*budget {
            if fired % CHUNK == 0 {
                self.near(domain, up_to)?;
            }
            let Some(due) = self.bench.timers().and_then(|t| t.pop_due(domain, up_to)) else { break };
            *budget -= 1;
            self.store.load(&[due.slot], &mut self.bench)?;
            let Some(key) = self.store.key(due.slot).cloned() else { continue };
            self.store.enter(due.slot);
            let Some(ctx) = self.bench.context(&key) else { break };
            ctx.key = key;
            ctx.begin(turn, 0);
            ctx.time = Some(due.at).filter(|_| domain == Domain::Event || turn.is_timed);
            self.handler.timer(due.timer, ctx);
        }
        self.end(turn)
    }

    fn end(&mut self, turn: &mut Turn<'_>) -> Result<()> {
        self.store.settle(&mut self.bench)?;
        match &mut self.bench {
            Bench::Taken(ctx) => {
                let out = self.handler.take_out(ctx);
                if out.is_empty() { Ok(()) } else { turn.emit(Parcel::new(out)) }
            }
            _ => Ok(()),
        }
    }
}

impl<H: Handler> Logic for ProcessLogic<H> {
    fn on_batch(&mut self, port: usize, batch: Parcel, turn: &mut Turn<'_>) -> Result<()> {
        match port {
            0 => self.records(batch, turn, H::left),
            _ => self.records(batch, turn, H::right),
        }
    }

    fn on_time(&mut self, turn: &mut Turn<'_>) -> Result<More> {
        self.store.pass(turn.now, &mut self.bench)?;
        let mut budget = TIMERS_A_TURN;
        let watermark = if turn.is_over { Timestamp::MAX } else { turn.watermark };
        self.fire(Domain::Event, watermark, turn, &mut budget)?;
        self.fire(Domain::Processing, turn.now, turn, &mut budget)?;
        Ok(if budget == 0 { More::Yes } else { More::No })
    }

    fn freeze(&mut self, _n: u64) -> Result<()> {
        self.store.freeze(&mut self.bench)
    }

    fn poll_snapshot(&mut self, task: &mut task::Context<'_>, hurry: bool) -> Poll<Result<Vec<Section>>> {
        self.store.poll_snapshot(task, hurry, &mut self.bench)
    }

    fn info(&mut self) -> OperatorInfo {
        self.store.info(&mut self.bench)
    }

    fn room(&self) -> Room {
        self.store.room()
    }
}
