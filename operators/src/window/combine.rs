//! Combining before the exchange: at the sender the records of one key and pane, or of one stretch of a session, become
//! one accumulator.
use super::choice::CombineChoice;
use super::folding::{Reach, untimed};
use super::shape::Shape;
use crate::aggregate::Aggregate;
use crate::exchange::Dealer;
use crate::keyed::KeyOf;
use millstream_runtime::Result;
use millstream_runtime::batch::{Batch, Parts};
use millstream_runtime::codec::KeyHasher;
use millstream_runtime::data::{Data, Key};
use millstream_runtime::parcel::Parcel;
use millstream_runtime::stage::{Next, Outputs, Stage, StageInit};
use millstream_runtime::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::rc::Rc;

/// So many accumulators are held at most; then all go.
const HELD: usize = 4096;
/// Places for them, a power of two: twice as many, since two that share one take turns.
const PLACES: usize = 2 * HELD;

/// What the records of one key and pane, or of a stretch of a session, have come to at one sender.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Partial<A> {
    first: Timestamp,
    last: Timestamp,
    records: u64,
    pub acc: A,
}

impl<A> Partial<A> {
    fn single<T>(aggregate: &impl Aggregate<T, Acc = A>, record: &T, at: Timestamp) -> Self {
        let mut acc = aggregate.init();
        aggregate.add(&mut acc, record);
        Self { first: at, last: at, records: 1, acc }
    }

    fn add<T>(&mut self, aggregate: &impl Aggregate<T, Acc = A>, record: &T, at: Timestamp) {
        aggregate.add(&mut self.acc, record);
        self.records += 1;
        self.first = self.first.min(at);
        self.last = self.last.max(at);
    }

    pub fn reach(&self) -> Reach {
        Reach { first: self.first, last: self.last, records: self.records }
    }
}

/// One of those held.
struct Held<K, A> {
    key: K,
    cell: Timestamp,
    hash: u64,
    partial: Partial<A>,
}

/// Where in `held` the newest one of a key and cell is: the last word belongs to `held`, so what has gone, or was pushed out
/// of its place by another, need not be cleared away. Records that find nothing begin anew, which costs a partial more.
struct Places(Box<[u16; PLACES]>);

impl Places {
    fn new() -> Self {
        Self(Box::new([0; PLACES]))
    }

    #[inline]
    fn of(&mut self, hash: u64, cell: Timestamp) -> &mut u16 {
        let mixed = hash ^ (cell.0 as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        &mut self.0[mixed as usize % PLACES]
    }
}

/// The stage before the exchange of an aggregate.
pub(super) struct Combine<K, T, A: Aggregate<T>> {
    uid: String,
    key: KeyOf<K, T>,
    aggregate: Rc<A>,
    shape: Shape,
    /// The cell of the last record, which most often is that of the next one, too.
    cell: Range<Timestamp>,
    hasher: KeyHasher,
    choice: CombineChoice,
    places: Places,
    /// In the order in which they began.
    held: Vec<Held<K, A::Acc>>,
    /// Records that were taken since the last release.
    taken: u64,
    outgoing: Batch<(K, Partial<A::Acc>)>,
    dealer: Dealer<(K, Partial<A::Acc>)>,
}

impl<K: Key, T: Data, A: Aggregate<T>> Combine<K, T, A> {
    pub fn boxed(uid: &str, key: KeyOf<K, T>, aggregate: Rc<A>, shape: Shape, mut init: StageInit) -> Next {
        Box::new(Self {
            uid: uid.into(),
            key,
            aggregate,
            shape,
            cell: Timestamp(0)..Timestamp(0),
            hasher: KeyHasher::default(),
            choice: CombineChoice::default(),
            places: Places::new(),
            held: vec![],
            taken: 0,
            outgoing: Batch::default(),
            dealer: Dealer::new(uid, init.workers, init.next(0)),
        })
    }

    /// Adds a record to what is held for its key and cell. It begins anew where that is a session which it does not join.
    fn take(&mut self, (key, hash): (K, u64), record: &T, at: Timestamp) {
        if !self.cell.contains(&at) {
            self.cell = self.shape.cell(at);
        }
        let cell = self.cell.start;
        let place = self.places.of(hash, cell);
        self.taken += 1;
        match self.held.get_mut(usize::from(*place)) {
            Some(held)
                if held.cell == cell
                    && held.key == key
                    && self.shape.joins(held.partial.first, held.partial.last, at) =>
            {
                held.partial.add(&*self.aggregate, record, at);
            }
            _ => {
                *place = self.held.len() as u16;
                let partial = Partial::single(&*self.aggregate, record, at);
                self.held.push(Held { key, cell, hash, partial });
            }
        }
    }

    /// Sends everything that is held.
    fn release(&mut self, out: &mut Outputs) -> Result<()> {
        if self.taken == 0 {
            return Ok(());
        }
        for Held { key, hash, partial, .. } in self.held.drain(..) {
            self.outgoing.push_with((key, partial), None, Some(hash));
        }
        self.choice.note(std::mem::take(&mut self.taken), self.outgoing.len() as u64);
        self.dealer.deal(self.outgoing.renew(), out)
    }

    fn singly(&mut self, records: &[T], times: &[Timestamp], out: &mut Outputs) -> Result<()> {
        let keys = self.key.keys(records, &mut self.hasher);
        for ((record, at), (key, hash)) in records.iter().zip(times).zip(keys) {
            self.outgoing.push_with((key, Partial::single(&*self.aggregate, record, *at)), None, Some(hash));
        }
        self.choice.note(records.len() as u64, records.len() as u64);
        self.dealer.deal(self.outgoing.renew(), out)
    }
}

impl<K: Key, T: Data, A: Aggregate<T>> Stage for Combine<K, T, A> {
    fn push(&mut self, batch: Parcel, out: &mut Outputs) -> Result<()> {
        let Parts { records, times, .. } = batch.open::<T>()?.into_parts();
        if times.len() != records.len() {
            return Err(untimed(&self.uid));
        }
        if !self.choice.combines() {
            return self.singly(&records, &times, out);
        }
        let keys = self.key.keys(&records, &mut self.hasher);
        for ((record, at), key) in records.iter().zip(times).zip(keys) {
            self.take(key, record, at);
            if self.held.len() >= HELD {
                self.release(out)?;
            }
        }
        Ok(())
    }

    fn flush(&mut self, out: &mut Outputs) -> Result<()> {
        self.release(out)?;
        self.dealer.flush(out)
    }
}
