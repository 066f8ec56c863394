//! `try_map`: one record for each record, or a failure.
use crate::Stream;
use crate::dead_letter::DeadLetter;
use crate::fallible::Fallible;
use millstream_runtime::Result;
use millstream_runtime::data::Data;
use std::fmt::Display;

impl<T: 'static> Stream<T> {
    /// One record for each record, or a failure; what fails goes where the returned [`Fallible`] is told.
    #[track_caller]
    pub fn try_map<U: Data, E: Display>(self, mut f: impl FnMut(T) -> Result<U, E> + 'static) -> Fallible<U>
    where
        T: Data,
    {
        self.fallible("try_map", move |record: T, out| {
            let kept = record.clone();
            out.push(f(record).map_err(|e| DeadLetter::of(&kept, e.to_string()))?);
            Ok(())
        })
    }
}
