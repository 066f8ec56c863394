//! How `async_map` runs: what is in flight is state; answers leave when they are there, or when it is their turn.
use crate::async_map::Calls;
use crate::dead_letter::DeadLetter;
use crate::failures::Failures;
use crate::fallible::Decision;
use crate::in_flight::{CallId, Ids, InFlight};
use crate::stream::Either;
use futures::stream::{FuturesUnordered, StreamExt};
use millstream_runtime::Result;
use millstream_runtime::batch::{Batch, Parts};
use millstream_runtime::checkpoint::{OperatorInfo, Section};
use millstream_runtime::data::{Data, State};
use millstream_runtime::graph::OperatorInit;
use millstream_runtime::logic::{Delayed, Logic, More, Turn};
use millstream_runtime::parcel::Parcel;
use millstream_runtime::time::{Span, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

/// So many answers leave in one turn.
const ANSWERS_A_TURN: usize = 1024;

/// The longest wait between two tries.
const BACKOFF_MOST: Duration = Duration::from_secs(30);

type Answer<T, U> = (CallId, T, Result<U, String>);
type Running<T, U> = FuturesUnordered<Pin<Box<dyn Future<Output = Answer<T, U>>>>>;

/// The calls of one worker.
pub(crate) struct CallLogic<T: State, U, F> {
    calls: Calls,
    letter: fn(&T, String) -> DeadLetter,
    f: Rc<F>,
    in_flight: InFlight<T>,
    ids: Ids,
    /// Taken and not yet begun.
    waiting: VecDeque<(CallId, T)>,
    running: Running<T, U>,
    /// Answered, where an older call is not and order counts.
    answered: BTreeMap<CallId, (T, Result<U, String>)>,
    failures: Failures,
}

impl<T: State, U: Data, E: Display, F: AsyncFn(&T) -> Result<U, E> + 'static> CallLogic<T, U, F> {
    /// With the calls that were in flight at the checkpoint, which are made again.
    pub fn open(
        init: &OperatorInit<'_>,
        calls: Calls,
        letter: fn(&T, String) -> DeadLetter,
        f: F,
        decision: &Decision,
    ) -> Result<Self> {
        let mut in_flight = InFlight::open(init)?;
        let waiting = in_flight.all()?.into();
        let (f, ids, failures) = (Rc::new(f), Ids::new(init), Failures::new(decision));
        let (running, answered) = (FuturesUnordered::new(), BTreeMap::new());
        Ok(Self { calls, letter, f, in_flight, ids, waiting, running, answered, failures })
    }

    /// Begins as many calls as may run at once.
    fn begin(&mut self) {
        while self.running.len() < self.calls.at_once {
            let Some((id, record)) = self.waiting.pop_front() else { return };
            let (f, calls) = (Rc::clone(&self.f), self.calls);
            self.running.push(Box::pin(async move {
                let answer = tried(&*f, &record, calls).await;
                (id, record, answer)
            }));
        }
    }

    /// What may leave now, with its event time.
    fn leaving(&mut self, (id, record, answer): Answer<T, U>, out: &mut Batch<Either<U, DeadLetter>>) -> Result<()> {
        if !self.calls.ordered {
            return self.leave(id, &record, answer, out);
        }
        self.answered.insert(id, (record, answer));
        while let Some(id) = self.in_flight.oldest()
            && let Some((record, answer)) = self.answered.remove(&id)
        {
            self.leave(id, &record, answer, out)?;
        }
        Ok(())
    }

    fn leave(
        &mut self,
        id: CallId,
        record: &T,
        answer: Result<U, String>,
        out: &mut Batch<Either<U, DeadLetter>>,
    ) -> Result<()> {
        let at = self.in_flight.remove(id);
        let emitted = match answer {
            Ok(made) => Some(Either::Left(made)),
            Err(reason) => self.failures.settle((self.letter)(record, reason))?.map(Either::Right),
        };
        emitted.into_iter().for_each(|one| out.push_with(one, at, None));
        Ok(())
    }
}

/// One call, with its tries.
async fn tried<T, U, E: Display>(f: &impl AsyncFn(&T) -> Result<U, E>, record: &T, calls: Calls) -> Result<U, String> {
    let (mut tries, mut wait) = (0, calls.backoff);
    loop {
        let reason = match tokio::time::timeout(calls.timeout, f(record)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(e)) => e.to_string(),
            Err(_) => format!("no answer in {}", Span(calls.timeout)),
        };
        if tries == calls.retries {
            let after = if tries > 0 { format!(" (tried {} times)", tries + 1) } else { String::new() };
            return Err(reason + &after);
        }
        tries += 1;
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(BACKOFF_MOST);
    }
}

impl<T: State, U: Data, E: Display, F: AsyncFn(&T) -> Result<U, E> + 'static> Logic for CallLogic<T, U, F> {
    fn on_batch(&mut self, _port: usize, batch: Parcel, _turn: &mut Turn<'_>) -> Result<()> {
        let batch: Batch<T> = batch.open()?;
        let Parts { records, times, .. } = batch.into_parts();
        for (i, record) in records.into_iter().enumerate() {
            let id = self.ids.next();
            self.in_flight.add(id, record.clone(), times.get(i).copied());
            self.waiting.push_back((id, record));
        }
        self.in_flight.settle()
    }

    fn freeze(&mut self, _n: u64) -> Result<()> {
        self.in_flight.freeze()
    }

    fn poll_snapshot(&mut self, task: &mut Context<'_>, hurry: bool) -> Poll<Result<Vec<Section>>> {
        self.in_flight.poll_snapshot(task, hurry)
    }

    fn info(&mut self) -> OperatorInfo {
        self.in_flight.info()
    }
}

impl<T: State, U: Data, E: Display, F: AsyncFn(&T) -> Result<U, E> + 'static> Delayed for CallLogic<T, U, F> {
    fn poll_results(&mut self, task: &mut Context<'_>, turn: &mut Turn<'_>) -> Result<More> {
        let (mut out, mut more) = (Batch::default(), More::Yes);
        for _ in 0..ANSWERS_A_TURN {
            self.begin();
            let Poll::Ready(Some(answer)) = self.running.poll_next_unpin(task) else {
                more = More::No;
                break;
            };
            self.leaving(answer, &mut out)?;
        }
        self.in_flight.settle()?;
        if !out.is_empty() {
            turn.emit(Parcel::new(out))?;
        }
        Ok(more)
    }

    fn oldest_in_flight(&self) -> Option<Timestamp> {
        self.in_flight.earliest()
    }

    fn is_full(&self) -> bool {
        self.in_flight.len() >= self.calls.at_once
    }
}
