//! `try_map`: one record for each record, or a failure.
use crate::Stream;
use crate::dead_letter::DeadLetter;
use crate::fallible::{Fallible, Policy};
use crate::split::empty;
use crate::stages::{Divide, Two, failed};
use millstream_runtime::Result;
use millstream_runtime::batch::{Batch, Parts};
use millstream_runtime::data::Data;
use millstream_runtime::graph::Rule;
use millstream_runtime::time::hours;
use std::cell::Cell;
use std::fmt::Display;
use std::panic::Location;
use std::rc::Rc;
use std::time::Instant;

impl<T: 'static> Stream<T> {
    /// One record for each record, or a failure; what fails goes where the returned [`Fallible`] is told.
    #[track_caller]
    pub fn try_map<U: Data, E: Display>(self, mut f: impl FnMut(T) -> Result<U, E> + 'static) -> Fallible<U>
    where
        T: Data,
    {
        let each = move |record: T| {
            let kept = record.clone();
            f(record).map_err(|e| DeadLetter::of(&kept, e.to_string()))
        };
        self.fallible("try_map", each)
    }

    /// The verb under `try_map` and `decode`.
    #[track_caller]
    pub(crate) fn fallible<U: Data>(
        self,
        verb: &'static str,
        f: impl FnMut(T) -> Result<U, DeadLetter> + 'static,
    ) -> Fallible<U>
    where
        T: Data,
    {
        let policy = Rc::new(Cell::new(Policy::Fail));
        let (decided, at) = (Rc::clone(&policy), Location::caller());
        let node = self.at.stage(verb, Rule::Keeps, move |mut init| {
            let log = SkipLog { verb, at, skipped: 0, said: None };
            Two::boxed(TryMap { f, policy: decided.get(), log }, init.next(0), init.next(1))
        });
        Fallible::new(self.with(node.output(0)), self.with(node.output(1)), policy)
    }
}

struct TryMap<F> {
    f: F,
    policy: Policy,
    log: SkipLog,
}

impl<T, U, F: FnMut(T) -> Result<U, DeadLetter> + 'static> Divide<T, U, DeadLetter> for TryMap<F> {
    fn apply(&mut self, batch: Batch<T>) -> Result<(Batch<U>, Batch<DeadLetter>)> {
        let Parts { records, times, split, bytes, .. } = batch.into_parts();
        let mut ok = Parts { records: Vec::with_capacity(records.len()), times: vec![], hashes: vec![], split, bytes };
        let mut letters: Batch<DeadLetter> = empty(split);
        for (i, record) in records.into_iter().enumerate() {
            let at = times.get(i).copied();
            match (self.f)(record) {
                Ok(made) => {
                    ok.records.push(made);
                    ok.times.extend(at);
                }
                Err(letter) => match self.policy {
                    Policy::Fail => return Err(failed(self.log.verb, self.log.at, &letter.log_line())),
                    Policy::Skip => self.log.note(&letter),
                    Policy::Emit => letters.push_with(letter, at, None),
                },
            }
        }
        Ok((ok.into(), letters))
    }
}

/// Skipped records are counted, and the first of each hour is logged.
struct SkipLog {
    verb: &'static str,
    at: &'static Location<'static>,
    skipped: u64,
    said: Option<Instant>,
}

impl SkipLog {
    fn note(&mut self, letter: &DeadLetter) {
        self.skipped += 1;
        if self.said.is_none_or(|said| said.elapsed() > hours(1)) {
            self.said = Some(Instant::now());
            tracing::warn!("{} at {} skipped {} records; {}", self.verb, self.at, self.skipped, letter.log_line());
        }
    }
}
