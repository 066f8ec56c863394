//! `async_map`: a call to the world for each record.
use crate::Stream;
use crate::calls::CallLogic;
use crate::dead_letter::DeadLetter;
use crate::fallible::{Decision, Fallible};
use crate::stream::Either;
use millstream_runtime::Result;
use millstream_runtime::data::{Data, State};
use millstream_runtime::graph::{DelayingBuild, OperatorInit, Rule};
use millstream_runtime::logic::Delayed;
use std::fmt::Display;
use std::rc::Rc;
use std::time::Duration;

/// How calls are made: how many at once, how long one may take, how often it is tried again.
///
/// ```
/// use millstream_operators::Calls;
/// use std::time::Duration;
/// let calls = Calls::at_once(100).timeout(Duration::from_secs(2)).retries(3).ordered();
/// # let _ = calls;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Calls {
    pub(crate) at_once: usize,
    pub(crate) timeout: Duration,
    pub(crate) retries: u32,
    pub(crate) backoff: Duration,
    pub(crate) ordered: bool,
}

impl Calls {
    /// At most so many calls at once on each worker, at least one; each may take 10 s, and is tried once.
    pub const fn at_once(calls: usize) -> Self {
        let at_once = if calls == 0 { 1 } else { calls };
        let (timeout, backoff) = (Duration::from_secs(10), Duration::from_millis(100));
        Self { at_once, timeout, retries: 0, backoff, ordered: false }
    }

    /// How long one try may take.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How often a call that failed, or took too long, is tried again.
    pub const fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// The wait before the first such try, 100 ms unless told otherwise; it doubles, up to half a minute.
    pub const fn backoff(mut self, backoff: Duration) -> Self {
        self.backoff = backoff;
        self
    }

    /// Results leave in the order in which their records came in on a worker; else in the order of the answers. A restart
    /// with another number of workers deals the calls in flight anew.
    pub const fn ordered(mut self) -> Self {
        self.ordered = true;
        self
    }
}

impl<T: 'static> Stream<T> {
    /// A call to the world for each record. A slow call holds nothing up but the watermark of what is behind it. Calls in
    /// flight are in the checkpoint and are made again after a restart: they must bear to be made twice. The futures run on
    /// the worker, inside a tokio runtime; what fails goes where the returned [`Fallible`] is told.
    #[track_caller]
    pub fn async_map<U: Data, E: Display>(
        self,
        uid: &str,
        calls: Calls,
        f: impl AsyncFn(&T) -> Result<U, E> + 'static,
    ) -> Fallible<U>
    where
        T: State,
    {
        self.async_map_or(uid, calls, |record, reason| DeadLetter::of(record, reason), f)
    }

    /// The same; `letter` writes the letter of a record whose call has failed for good.
    #[track_caller]
    pub fn async_map_or<U: Data, E: Display>(
        self,
        uid: &str,
        calls: Calls,
        letter: fn(&T, String) -> DeadLetter,
        f: impl AsyncFn(&T) -> Result<U, E> + 'static,
    ) -> Fallible<U>
    where
        T: State,
    {
        let decision = Rc::new(Decision::new("async_map"));
        let decided = Rc::clone(&decision);
        let make = Box::new(move |init: &OperatorInit<'_>| -> Result<Box<dyn Delayed>> {
            Ok(Box::new(CallLogic::<T, U, _>::open(init, calls, letter, f, &decided)?))
        });
        let build = DelayingBuild { exchange: false, make };
        let answers = self.behind::<Either<U, DeadLetter>>(self.at.delaying("async_map", uid, Rule::Mixes, build));
        let (ok, failed) = answers.split_map(|answer| answer);
        Fallible::new(ok, failed, decision)
    }
}
