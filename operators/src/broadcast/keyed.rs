//! `process_with`: keyed state, timers, and a broadcast beside them.
use super::Broadcast;
use super::copy::{Copy, View};
use crate::Stream;
use crate::keyed::Keyed;
use crate::process::{Context, build_of};
use crate::process_logic::{Handler, ProcessLogic};
use millstream_runtime::Result;
use millstream_runtime::checkpoint::{OperatorInfo, Section};
use millstream_runtime::data::{Data, Key, State};
use millstream_runtime::graph::{OperatorInit, Rule};
use millstream_runtime::logic::{CopyHash, Logic, More, Turn};
use millstream_runtime::parcel::Parcel;
use millstream_runtime::state::KeyedState;
use std::cell::RefCell;
use std::rc::Rc;
use std::task::{self, Poll};

/// State, timers and output for one key at a time, as in [`Process`](crate::process::Process), and a broadcast beside them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a process with a broadcast",
    label = "implement `ProcessWith` for it"
)]
pub trait ProcessWith: Sized + 'static {
    /// What records are grouped by.
    type Key: Key;
    /// The records.
    type In: Data;
    /// What it emits.
    type Out: Data;
    /// What it keeps for each key.
    type State: KeyedState;
    /// What a timer carries; `()` where there is none.
    type Timer: State;
    /// What the broadcast's entries are found by.
    type SideKey: Key;
    /// The broadcast's entries.
    type SideValue: State;
    /// A record of the key in `ctx`.
    fn on_record(&mut self, record: Self::In, view: &ViewOf<Self>, ctx: &mut CtxWith<Self>);
    /// A timer of the key in `ctx` is due.
    fn on_timer(&mut self, _timer: Self::Timer, _view: &ViewOf<Self>, _ctx: &mut CtxWith<Self>) {}
    /// The broadcast's entry for `changed` is new, another, or gone: called once on each worker. Says whether every key
    /// that has state is to be visited, which costs as much as there are keys.
    fn on_change(&mut self, _changed: &Self::SideKey, _view: &ViewOf<Self>) -> Visit {
        Visit::NoKey
    }
    /// The key in `ctx` is visited because of a change. What is emitted has the watermark for its event time.
    fn on_visit(&mut self, _changed: &Self::SideKey, _view: &ViewOf<Self>, _ctx: &mut CtxWith<Self>) {}
}

/// Which keys a change of a broadcast concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visit {
    /// None.
    NoKey,
    /// Every key that has state, on every worker.
    EveryKey,
}

/// The broadcast of a [`ProcessWith`].
pub type ViewOf<P> = View<<P as ProcessWith>::SideKey, <P as ProcessWith>::SideValue>;
/// The context of a [`ProcessWith`].
pub type CtxWith<P> =
    Context<<P as ProcessWith>::Key, <P as ProcessWith>::State, <P as ProcessWith>::Timer, <P as ProcessWith>::Out>;

impl<K: 'static, T: 'static> Keyed<K, T> {
    /// As [`Keyed::process`], with a broadcast beside it: see [`ProcessWith`].
    ///
    /// ```
    /// use millstream_operators::broadcast::{Broadcast, CtxWith, ProcessWith, View};
    /// use millstream_operators::{Keyed, Stream};
    /// use millstream_runtime::state::Value;
    ///
    /// /// How often a user has done what is watched.
    /// struct Watch;
    /// impl ProcessWith for Watch {
    ///     type Key = u64;
    ///     type In = (u64, String);
    ///     type Out = (u64, u64);
    ///     type State = Value<u64>;
    ///     type Timer = ();
    ///     type SideKey = String;
    ///     type SideValue = bool;
    ///     fn on_record(&mut self, (_, action): (u64, String), watched: &View<String, bool>, ctx: &mut CtxWith<Self>) {
    ///         if watched.get(&action) == Some(&true) {
    ///             *ctx.state.dirty() += 1;
    ///             let seen = *ctx.state.dirty();
    ///             ctx.emit((ctx.key, seen));
    ///         }
    ///     }
    /// }
    ///
    /// fn counts(actions: Keyed<u64, (u64, String)>, watched: &Broadcast<String, bool>) -> Stream<(u64, u64)> {
    ///     actions.process_with("watch", watched, Watch)
    /// }
    /// ```
    #[track_caller]
    pub fn process_with<P>(self, uid: &str, side: &Broadcast<P::SideKey, P::SideValue>, p: P) -> Stream<P::Out>
    where
        K: Key,
        T: Data,
        P: ProcessWith<Key = K, In = T>,
    {
        let side_uid = side.uid.to_string();
        let build = build_of(move |init| Ok(Box::new(KeyedWithLogic::open(p, init, &side_uid)?)));
        self.inner.behind(self.shuffled(uid).meet(&side.at, "process_with", uid, Rule::Beside, build))
    }
}

type CopyOf<P> = Copy<<P as ProcessWith>::SideKey, <P as ProcessWith>::SideValue>;

/// The process with its copy, which the logic changes.
struct Beside<P: ProcessWith> {
    process: P,
    copy: Rc<RefCell<CopyOf<P>>>,
}

impl<P: ProcessWith> Handler for Beside<P> {
    type Key = P::Key;
    type Left = P::In;
    type Right = ();
    type Out = P::Out;
    type State = P::State;
    type Timer = P::Timer;
    fn left(&mut self, record: P::In, ctx: &mut CtxWith<P>) {
        self.process.on_record(record, &self.copy.borrow().view, ctx);
    }
    fn right(&mut self, (): (), _ctx: &mut CtxWith<P>) {}
    fn timer(&mut self, timer: P::Timer, ctx: &mut CtxWith<P>) {
        self.process.on_timer(timer, &self.copy.borrow().view, ctx);
    }
}

struct KeyedWithLogic<P: ProcessWith> {
    keyed: ProcessLogic<Beside<P>>,
    copy: Rc<RefCell<CopyOf<P>>>,
}

impl<P: ProcessWith> KeyedWithLogic<P> {
    fn open(process: P, init: &OperatorInit<'_>, side: &str) -> Result<Self> {
        let copy = Rc::new(RefCell::new(Copy::load(init, side)?));
        let handler = Beside { process, copy: Rc::clone(&copy) };
        Ok(Self { keyed: ProcessLogic::open_pinned(handler, init, "process_with")?, copy })
    }

    fn changes(&mut self, batch: Parcel, turn: &mut Turn<'_>) -> Result<()> {
        for change in Copy::<P::SideKey, P::SideValue>::changes(batch)? {
            let changed = change.key.clone();
            self.copy.borrow_mut().apply(change)?;
            let visit = self.keyed.handler().process.on_change(&changed, &self.copy.borrow().view);
            if visit == Visit::EveryKey {
                self.keyed.visit(turn, |beside, ctx| {
                    beside.process.on_visit(&changed, &beside.copy.borrow().view, ctx);
                })?;
            }
        }
        Ok(())
    }
}

impl<P: ProcessWith> Logic for KeyedWithLogic<P> {
    fn on_batch(&mut self, port: usize, batch: Parcel, turn: &mut Turn<'_>) -> Result<()> {
        if port == 0 { self.keyed.on_batch(port, batch, turn) } else { self.changes(batch, turn) }
    }

    fn on_time(&mut self, turn: &mut Turn<'_>) -> Result<More> {
        self.keyed.on_time(turn)
    }

    fn freeze(&mut self, n: u64) -> Result<()> {
        self.keyed.freeze(n)
    }

    fn poll_snapshot(&mut self, task: &mut task::Context<'_>, hurry: bool) -> Poll<Result<Vec<Section>>> {
        self.keyed.poll_snapshot(task, hurry)
    }

    fn info(&mut self) -> OperatorInfo {
        self.keyed.info()
    }

    fn copy_hash(&self) -> Option<CopyHash> {
        Some(self.copy.borrow().copy_hash())
    }
}
