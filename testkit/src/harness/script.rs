//! What a harness gives to its job, and what came out.
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::data::Data;
use millstream_runtime::sink::{Sink, Staging, Writer, now};
use millstream_runtime::source::{Progress, Reader, Source, Splits, Waker};
use millstream_runtime::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A record, or none: then only its time counts.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Step<I> {
    pub at: Timestamp,
    pub record: Option<I>,
}

/// The steps so far, and the output so far.
pub(super) struct Script<I, O> {
    steps: Mutex<Steps<I>>,
    pub out: Mutex<Vec<O>>,
}

struct Steps<I> {
    all: Vec<Step<I>>,
    read: usize,
    /// The last step is not over: a split that is idle would not move the watermark.
    busy: bool,
    waker: Option<Waker>,
}

pub(super) type Shared<I, O> = Arc<Script<I, O>>;

impl<I, O> Default for Script<I, O> {
    fn default() -> Self {
        Self { steps: Mutex::new(Steps { all: vec![], read: 0, busy: false, waker: None }), out: Mutex::default() }
    }
}

impl<I, O> Script<I, O> {
    /// Adds a step, and wakes who reads.
    pub fn add(&self, step: Step<I>) {
        let mut steps = locked(&self.steps);
        steps.all.push(step);
        steps.busy = true;
        if let Some(wake) = &steps.waker {
            wake();
        }
    }

    /// Says that the last step is over.
    pub fn rest(&self) {
        locked(&self.steps).busy = false;
    }

    /// Whether all steps have been read.
    pub fn is_read(&self) -> bool {
        let steps = locked(&self.steps);
        steps.read == steps.all.len()
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The source: one split, whose offset is how many steps were read.
pub(super) struct Scripted<I, O>(pub Shared<I, O>);

impl<I: Data, O: Data> Source for Scripted<I, O> {
    type Split = ();
    type Reader = ScriptReader<I, O>;

    fn splits(&mut self) -> Result<Splits<()>> {
        Ok(Splits::Fixed(vec![().into()]))
    }

    fn open(&self, (): &(), from: Option<u64>) -> Result<ScriptReader<I, O>> {
        Ok(ScriptReader { script: Arc::clone(&self.0), read: from.unwrap_or(0) })
    }
}

pub(super) struct ScriptReader<I, O> {
    script: Shared<I, O>,
    read: u64,
}

impl<I: Data, O: Data> Reader for ScriptReader<I, O> {
    type Item = Step<I>;
    type Offset = u64;

    fn read(&mut self, batch: &mut Batch<Step<I>>) -> Result<Progress> {
        let mut steps = locked(&self.script.steps);
        let next = usize::try_from(self.read).ok().and_then(|i| steps.all.get(i)).cloned();
        let Some(step) = next else { return Ok(if steps.busy { Progress::More } else { Progress::Idle }) };
        batch.push(step);
        self.read += 1;
        steps.read = steps.read.max(usize::try_from(self.read).unwrap_or(usize::MAX));
        Ok(Progress::More)
    }

    fn offset(&self) -> u64 {
        self.read
    }

    fn wake_by(&mut self, waker: Waker) {
        locked(&self.script.steps).waker = Some(waker);
    }
}

/// The sink: what comes is out at once, since each step is over before the next.
pub(super) struct Collect<I, O>(pub Shared<I, O>);

impl<I: Data, O: Data> Sink<O> for Collect<I, O> {
    type Writer = Collect<I, O>;

    fn open(&self, _worker: usize, _staged: &[()]) -> Result<Collect<I, O>> {
        Ok(Collect(Arc::clone(&self.0)))
    }

    fn commit(&self, (): ()) -> Staging<()> {
        now(Ok(()))
    }
}

impl<I: Data, O: Data> Writer<O> for Collect<I, O> {
    type Committable = ();

    fn write(&mut self, batch: &mut Batch<O>) -> Result<()> {
        locked(&self.0.out).extend(batch.drain());
        Ok(())
    }

    fn prepare(&mut self, _n: u64) -> Staging<Vec<()>> {
        now(Ok(vec![]))
    }
}
