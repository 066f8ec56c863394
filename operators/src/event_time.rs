//! `event_time`: reads the event time of each record.
use crate::Stream;
use crate::stages::{One, Transform};
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::data::Data;
use millstream_runtime::stage::Assigner;
use millstream_runtime::time::{Timestamp, Watermark};
use std::rc::Rc;

impl<T: 'static> Stream<T> {
    /// Reads the event time of each record. Only behind a source and stateless operators, where splits are still apart:
    /// checked when the graph is built.
    #[track_caller]
    pub fn event_time<M: Into<Timestamp>>(self, f: impl Fn(&T) -> M + 'static, watermark: Watermark) -> Stream<T>
    where
        T: Data,
    {
        let at = self.at.event_time(watermark, move |mut init| {
            let assigner = init.assigner.clone();
            One::boxed(EventTime { f, assigner }, init.next(0))
        });
        self.behind(at)
    }
}

struct EventTime<F> {
    f: F,
    assigner: Option<Rc<Assigner>>,
}

impl<T, M: Into<Timestamp>, F: Fn(&T) -> M + 'static> Transform<T, T> for EventTime<F> {
    fn apply(&mut self, mut batch: Batch<T>) -> Result<Batch<T>> {
        let times: Vec<Timestamp> = batch.iter().map(|record| (self.f)(record).into()).collect();
        if let (Some(assigner), Some(split)) = (&self.assigner, batch.split()) {
            assigner.observe(split, &times);
        }
        batch.set_times(times);
        Ok(batch)
    }
}
