//! The way to the worker of a lane, for sinks that commit in order.
use super::stage::{Next, Outputs, Stage, StageInit};
use crate::Result;
use crate::batch::{Batch, FULL_RECORDS, Parts};
use crate::codec;
use crate::data::Data;
use crate::parcel::Parcel;

/// Deals records out to the workers of their lanes.
pub(crate) struct LaneDealer<T> {
    lane: Box<dyn FnMut(&T) -> u64>,
    /// One batch in the making for each worker.
    outgoing: Vec<Batch<T>>,
    is_checked: bool,
    next: Next,
}

impl<T: Data> LaneDealer<T> {
    pub fn boxed(lane: Box<dyn FnMut(&T) -> u64>, mut init: StageInit) -> Next {
        let outgoing = (0..init.workers).map(|_| Batch::default()).collect();
        Box::new(Self { lane, outgoing, is_checked: false, next: init.next(0) })
    }
}

impl<T: Data> Stage for LaneDealer<T> {
    fn push(&mut self, batch: Parcel, out: &mut Outputs) -> Result<()> {
        let workers = self.outgoing.len();
        if workers == 1 {
            return self.next.push(batch, out);
        }
        let batch: Batch<T> = batch.open()?;
        if let Some(first) = batch.iter().next().filter(|_| !self.is_checked) {
            codec::check_round_trip(first)?;
            self.is_checked = true;
        }
        let Parts { records, times, .. } = batch.into_parts();
        for (i, record) in records.into_iter().enumerate() {
            let target = ((self.lane)(&record) % workers as u64) as usize;
            let Some(to) = self.outgoing.get_mut(target) else { continue };
            to.push_with(record, times.get(i).copied(), None);
            if to.len() >= FULL_RECORDS {
                let full = std::mem::take(to);
                self.next.push(Parcel::to(target, full), out)?;
            }
        }
        Ok(())
    }

    fn flush(&mut self, out: &mut Outputs) -> Result<()> {
        for (target, batch) in self.outgoing.iter_mut().enumerate() {
            if !batch.is_empty() {
                self.next.push(Parcel::to(target, std::mem::take(batch)), out)?;
            }
        }
        self.next.flush(out)
    }
}
