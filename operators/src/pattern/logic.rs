//! The logic of `detect`, which notes its pattern in the checkpoint: matches under way would mean something else in another.
use super::detect::Detect;
use super::matched::Matched;
use super::mistakes::Mistake;
use super::nfa::Nfa;
use crate::late_log::LateLog;
use crate::process_logic::{One, ProcessLogic};
use millstream_runtime::Result;
use millstream_runtime::checkpoint::{OperatorInfo, Section};
use millstream_runtime::data::{Data, Key, State};
use millstream_runtime::graph::OperatorInit;
use millstream_runtime::logic::{Logic, More, Turn};
use millstream_runtime::parcel::Parcel;
use std::marker::PhantomData;
use std::task::{Context, Poll};

/// On disk, in the manifest: never rename.
const PATTERN: &str = "pattern";

/// Of events that are too late.
const MISSED: &str = "the watermark had passed them";
const CURE: &str = "divert them with .late(uid, sink) behind event_time, or let the watermark wait longer";

/// See the module.
pub(super) struct DetectLogic<K: Key, T: State, U: Data, F: FnMut(&K, &Matched<'_, T>) -> U + 'static> {
    process: ProcessLogic<One<Detect<K, T, U, F>>>,
    pattern: String,
}

impl<K: Key, T: State, U: Data, F: FnMut(&K, &Matched<'_, T>) -> U + 'static> DetectLogic<K, T, U, F> {
    /// With the state of the checkpoint.
    pub fn open(nfa: Result<Nfa<T>, Vec<Mistake>>, f: F, init: &OperatorInit<'_>) -> Result<Self> {
        let uid = init.uid;
        let nfa = nfa.map_err(|mistakes| format!("detect {uid:?}: {mistakes:?}"))?; // refused before it comes here
        let pattern = nfa.describe();
        let was = init.info().and_then(|info| info.settings.get(PATTERN));
        if let Some(was) = was.filter(|was| **was != pattern) {
            return Err(format!(
                "detect {uid:?}: its state is of the pattern {was:?}, and now it is {pattern:?}; take that back, or give it \
                 a new uid and drop the old state with --drop-state {uid}"
            )
            .into());
        }
        let detect = Detect { uid: uid.into(), nfa, f, late: LateLog::new(uid, MISSED, CURE), of: PhantomData };
        Ok(Self { process: ProcessLogic::open(One(detect), init, "detect")?, pattern })
    }
}

impl<K: Key, T: State, U: Data, F: FnMut(&K, &Matched<'_, T>) -> U + 'static> Logic for DetectLogic<K, T, U, F> {
    fn on_batch(&mut self, port: usize, batch: Parcel, turn: &mut Turn<'_>) -> Result<()> {
        self.process.on_batch(port, batch, turn)
    }

    fn on_time(&mut self, turn: &mut Turn<'_>) -> Result<More> {
        self.process.on_time(turn)
    }

    fn freeze(&mut self, n: u64) -> Result<()> {
        self.process.freeze(n)
    }

    fn poll_snapshot(&mut self, task: &mut Context<'_>, hurry: bool) -> Poll<Result<Vec<Section>>> {
        self.process.poll_snapshot(task, hurry)
    }

    fn info(&mut self) -> OperatorInfo {
        let settings = [(PATTERN.to_string(), self.pattern.clone())].into();
        OperatorInfo { settings, ..self.process.info() }
    }
}
