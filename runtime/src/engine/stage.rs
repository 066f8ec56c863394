//! Stateless operators in a row: a tree of stages inside one timely operator.
//!
//! A batch that leaves a source or a stateful operator runs down the tree at once; a leaf is an output of the timely
//! operator. So a chain of maps costs no scheduling, no queue and no progress traffic.
use crate::Result;
use crate::parcel::Parcel;
use crate::time::{Timestamp, Watermark};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// What becomes of a batch.
pub trait Stage: 'static {
    /// Takes a batch and hands on what it makes of it.
    ///
    /// # Errors
    /// Stops the attempt: a record failed that the user said must not.
    fn push(&mut self, batch: Parcel, out: &mut Outputs) -> Result<()>;

    /// Hands on what was kept back. Called before the epoch of what was pushed can close.
    ///
    /// # Errors
    /// As [`Stage::push`].
    fn flush(&mut self, out: &mut Outputs) -> Result<()>;
}

/// What follows a stage.
pub type Next = Box<dyn Stage>;

/// Where leaves put their batches: one list for each output of the timely operator.
#[derive(Default)]
pub struct Outputs {
    pub(crate) ports: Vec<Vec<Parcel>>,
}

/// What a stage is made with.
pub struct StageInit {
    next: Vec<Next>,
    /// How many workers there are.
    pub workers: usize,
    /// The reader of event times at or above this stage, if there is one in the same source.
    pub assigner: Option<Rc<Assigner>>,
}

impl StageInit {
    pub(crate) fn new(next: Vec<Next>, workers: usize, assigner: Option<Rc<Assigner>>) -> Self {
        Self { next, workers, assigner }
    }

    /// What follows the output `out`; nothing where nobody reads it. To be asked once.
    pub fn next(&mut self, out: usize) -> Next {
        let nothing = || -> Next { Box::new(Fork(vec![])) };
        self.next.get_mut(out).map_or_else(nothing, |next| std::mem::replace(next, nothing()))
    }
}

/// The watermarks of the splits of one origin on one worker.
pub struct Assigner {
    watermark: Watermark,
    marks: RefCell<Vec<Timestamp>>,
    before: Cell<Timestamp>,
}

impl Assigner {
    pub(crate) fn new(watermark: Watermark) -> Self {
        Assigner { watermark, marks: RefCell::default(), before: Cell::new(Timestamp::MIN) }
    }

    /// Takes note of the event times of a batch of a split.
    pub fn observe(&self, split: u32, times: &[Timestamp]) {
        let mut marks = self.marks.borrow_mut();
        let Some(mark) = marks.get_mut(split as usize) else { return };
        self.before.set(*mark);
        if let Some(newest) = times.iter().max() {
            *mark = (*mark).max(self.watermark.behind(*newest));
        }
    }

    /// For each record of the batch that was last observed, whether it was behind the watermark that its split had then.
    pub fn late(&self, times: &[Timestamp]) -> Vec<bool> {
        let mut mark = self.before.get();
        let judge = |at: &Timestamp| {
            let late = *at < mark;
            mark = mark.max(self.watermark.behind(*at));
            late
        };
        times.iter().map(judge).collect()
    }

    /// Adds the next split, with what it has promised.
    pub(crate) fn add(&self, mark: Timestamp) {
        self.marks.borrow_mut().push(mark);
    }

    /// Whether splits wait for each other.
    pub(crate) fn is_aligned(&self) -> bool {
        self.watermark.limit(Timestamp::MIN).is_some()
    }

    /// Whether a split is too far ahead of what all splits have promised.
    pub(crate) fn is_ahead(&self, split: usize, watermark: Timestamp) -> bool {
        self.watermark.limit(watermark).is_some_and(|limit| self.mark(split) > limit)
    }

    /// What a split promises.
    pub(crate) fn mark(&self, split: usize) -> Timestamp {
        self.marks.borrow().get(split).copied().unwrap_or(Timestamp::MIN)
    }
}

/// Several things that follow: each gets the batch.
pub(crate) struct Fork(pub Vec<Next>);

impl Stage for Fork {
    fn push(&mut self, batch: Parcel, out: &mut Outputs) -> Result<()> {
        let Some((last, others)) = self.0.split_last_mut() else { return Ok(()) };
        for next in others {
            next.push(batch.clone(), out)?;
        }
        last.push(batch, out)
    }
    fn flush(&mut self, out: &mut Outputs) -> Result<()> {
        self.0.iter_mut().try_for_each(|next| next.flush(out))
    }
}

/// An output of the timely operator.
pub(crate) struct Leaf(pub usize);

impl Stage for Leaf {
    fn push(&mut self, batch: Parcel, out: &mut Outputs) -> Result<()> {
        if let Some(port) = out.ports.get_mut(self.0) {
            port.push(batch);
        }
        Ok(())
    }
    fn flush(&mut self, _out: &mut Outputs) -> Result<()> {
        Ok(())
    }
}
