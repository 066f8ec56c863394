//! What most stages are made of: a batch comes in, one goes out.
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::data::Data;
use millstream_runtime::parcel::Parcel;
use millstream_runtime::stage::{Next, Outputs, Stage};
use std::marker::PhantomData;

/// What a stage does to a batch.
pub(crate) trait Transform<T, U>: 'static {
    fn apply(&mut self, batch: Batch<T>) -> Result<Batch<U>>;
}

/// A stage with one output.
pub(crate) struct One<T, U, F> {
    transform: F,
    next: Next,
    of: PhantomData<fn(T) -> U>,
}

impl<T: Data, U: Data, F: Transform<T, U>> One<T, U, F> {
    pub(crate) fn boxed(transform: F, next: Next) -> Next {
        Box::new(Self { transform, next, of: PhantomData })
    }
}

impl<T: Data, U: Data, F: Transform<T, U>> Stage for One<T, U, F> {
    fn push(&mut self, batch: Parcel, out: &mut Outputs) -> Result<()> {
        let made = self.transform.apply(batch.open()?)?;
        hand_on(&mut self.next, made, out)
    }
    fn flush(&mut self, out: &mut Outputs) -> Result<()> {
        self.next.flush(out)
    }
}

/// What a stage with two outputs does to a batch.
pub(crate) trait Divide<T, A, B>: 'static {
    fn apply(&mut self, batch: Batch<T>) -> Result<(Batch<A>, Batch<B>)>;
}

/// A stage with two outputs.
pub(crate) struct Two<T, A, B, F> {
    divide: F,
    next: [Next; 2],
    of: PhantomData<fn(T) -> (A, B)>,
}

impl<T: Data, A: Data, B: Data, F: Divide<T, A, B>> Two<T, A, B, F> {
    pub(crate) fn boxed(divide: F, left: Next, right: Next) -> Next {
        Box::new(Self { divide, next: [left, right], of: PhantomData })
    }
}

impl<T: Data, A: Data, B: Data, F: Divide<T, A, B>> Stage for Two<T, A, B, F> {
    fn push(&mut self, batch: Parcel, out: &mut Outputs) -> Result<()> {
        let (a, b) = self.divide.apply(batch.open()?)?;
        let [left, right] = &mut self.next;
        hand_on(left, a, out)?;
        hand_on(right, b, out)
    }
    fn flush(&mut self, out: &mut Outputs) -> Result<()> {
        self.next.iter_mut().try_for_each(|next| next.flush(out))
    }
}

/// Empty batches go nowhere.
pub(crate) fn hand_on<T: Data>(next: &mut Next, batch: Batch<T>, out: &mut Outputs) -> Result<()> {
    if batch.is_empty() { Ok(()) } else { next.push(Parcel::new(batch), out) }
}
