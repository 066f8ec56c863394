//! `try_flat_map`: any number of records for each record, or a failure.
use crate::Stream;
use crate::dead_letter::DeadLetter;
use crate::failures::Failures;
use crate::fallible::{Decision, Fallible};
use crate::split::empty;
use crate::stages::{Divide, Two};
use millstream_runtime::Result;
use millstream_runtime::batch::{Batch, Parts};
use millstream_runtime::data::Data;
use millstream_runtime::graph::Rule;
use std::rc::Rc;

impl<T: 'static> Stream<T> {
    /// Any number of records for each record, with its event time, or a failure: `f` appends to the list it is given.
    /// What it has appended before it fails is taken back. The letter of a failed record is `f`'s to write, so a record
    /// that does not fail is never copied.
    #[track_caller]
    pub fn try_flat_map<U: Data>(self, f: impl FnMut(T, &mut Vec<U>) -> Result<(), DeadLetter> + 'static) -> Fallible<U>
    where
        T: Data,
    {
        self.fallible("try_flat_map", f)
    }

    /// The verb under all that can fail.
    #[track_caller]
    pub(crate) fn fallible<U: Data>(
        self,
        verb: &'static str,
        f: impl FnMut(T, &mut Vec<U>) -> Result<(), DeadLetter> + 'static,
    ) -> Fallible<U>
    where
        T: Data,
    {
        let decision = Rc::new(Decision::new(verb));
        let decided = Rc::clone(&decision);
        let node = self.at.stage(verb, Rule::Keeps, move |mut init| {
            Two::boxed(TryFlatMap { f, failures: Failures::new(&decided) }, init.next(0), init.next(1))
        });
        Fallible::new(self.behind(node.output(0)), self.behind(node.output(1)), decision)
    }
}

struct TryFlatMap<F> {
    f: F,
    failures: Failures,
}

impl<T, U, F: FnMut(T, &mut Vec<U>) -> Result<(), DeadLetter> + 'static> Divide<T, U, DeadLetter> for TryFlatMap<F> {
    fn apply(&mut self, batch: Batch<T>) -> Result<(Batch<U>, Batch<DeadLetter>)> {
        let Parts { records, times, split, bytes, .. } = batch.into_parts();
        let mut ok = Parts { records: Vec::with_capacity(records.len()), times: vec![], hashes: vec![], split, bytes };
        let mut letters: Batch<DeadLetter> = empty(split);
        for (i, record) in records.into_iter().enumerate() {
            let (before, at) = (ok.records.len(), times.get(i).copied());
            match (self.f)(record, &mut ok.records) {
                Ok(()) => ok.times.extend(at.into_iter().cycle().take(ok.records.len() - before)),
                Err(letter) => {
                    ok.records.truncate(before);
                    if let Some(letter) = self.failures.settle(letter)? {
                        letters.push_with(letter, at, None);
                    }
                }
            }
        }
        Ok((ok.into(), letters))
    }
}
