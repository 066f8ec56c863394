//! `late`: diverts what is behind its split's watermark.
use crate::Stream;
use crate::split::empty;
use crate::stages::{Divide, Two};
use millstream_runtime::Result;
use millstream_runtime::batch::{Batch, Parts};
use millstream_runtime::data::Data;
use millstream_runtime::graph::Rule;
use millstream_runtime::sink::Sink;
use millstream_runtime::stage::Assigner;
use std::rc::Rc;

impl<T: 'static> Stream<T> {
    /// Diverts what is behind its split's watermark: a function of the input alone, whatever the workers. The rest is
    /// never late downstream. Directly behind `event_time`.
    #[track_caller]
    pub fn late<S: Sink<T>>(self, uid: &str, sink: S) -> Stream<T>
    where
        T: Data,
    {
        let at = self.at.stage("late", Rule::NeedsSplitsAndTime, |mut init| {
            let assigner = init.assigner.clone();
            Two::<T, T, T, _>::boxed(Late { assigner }, init.next(0), init.next(1))
        });
        self.behind::<T>(at.output(1)).sink(uid, sink);
        self.behind(at)
    }
}

struct Late {
    assigner: Option<Rc<Assigner>>,
}

impl<T: 'static> Divide<T, T, T> for Late {
    fn apply(&mut self, batch: Batch<T>) -> Result<(Batch<T>, Batch<T>)> {
        let late = self.assigner.as_ref().map_or(vec![], |a| a.late(batch.times()));
        if !late.contains(&true) {
            return Ok((batch, Batch::default()));
        }
        let Parts { records, times, split, .. } = batch.into_parts();
        let (mut in_time, mut too_late) = (empty(split), empty(split));
        for ((record, at), late) in records.into_iter().zip(times).zip(late) {
            let to = if late { &mut too_late } else { &mut in_time };
            to.push_with(record, Some(at), None);
        }
        Ok((in_time, too_late))
    }
}
