//! Combining before the exchange: at the sender the records of one key and pane, or of one stretch of a session, become
//! one accumulator.
use super::choice::CombineChoice;
use super::folding::{Reach, untimed};
use super::shape::Shape;
use crate::aggregate::Aggregate;
use crate::exchange::Dealer;
use crate::keyed::KeyOf;
use hashbrown::HashTable;
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

/// One of those held: one for each key and cell.
struct Held<K, A> {
    key: K,
    cell: Timestamp,
    hash: u64,
    place: u64,
    partial: Partial<A>,
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
    /// Where in `held`, by place.
    table: HashTable<usize>,
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
            table: HashTable::new(),
            held: vec![],
            taken: 0,
            outgoing: Batch::default(),
            dealer: Dealer::new(uid, init.workers, init.next(0)),
        })
    }

    /// Adds a record to what is held for its key and cell. Where that is a session which it does not join, that one goes.
    fn take(&mut self, record: &T, at: Timestamp) {
        if !self.cell.contains(&at) {
            self.cell = self.shape.cell(at);
        }
        let (key, cell) = (self.key.key(record), self.cell.start);
        let hash = self.hasher.hash(&key);
        let place = hash ^ (cell.0 as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.taken += 1;
        let held = &mut self.held;
        let Some(&found) = self.table.find(place, |&i| held[i].cell == cell && held[i].key == key) else {
            let partial = Partial::single(&*self.aggregate, record, at);
            self.table.insert_unique(place, held.len(), |&i| held[i].place);
            held.push(Held { key, cell, hash, place, partial });
            return;
        };
        let Some(Held { partial, .. }) = held.get_mut(found) else { return };
        if self.shape.joins(partial.first, partial.last, at) {
            partial.add(&*self.aggregate, record, at);
        } else {
            let gone = std::mem::replace(partial, Partial::single(&*self.aggregate, record, at));
            self.outgoing.push_with((key, gone), None, Some(hash));
        }
    }

    /// Sends everything that is held.
    fn release(&mut self, out: &mut Outputs) -> Result<()> {
        if self.taken == 0 {
            return Ok(());
        }
        self.table.clear();
        for Held { key, hash, partial, .. } in self.held.drain(..) {
            self.outgoing.push_with((key, partial), None, Some(hash));
        }
        self.choice.note(std::mem::take(&mut self.taken), self.outgoing.len() as u64);
        self.dealer.deal(self.outgoing.renew(), out)
    }

    fn singly(&mut self, records: &[T], times: &[Timestamp], out: &mut Outputs) -> Result<()> {
        for (record, at) in records.iter().zip(times) {
            let key = self.key.key(record);
            let hash = self.hasher.hash(&key);
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
        for (record, at) in records.iter().zip(times) {
            self.take(record, at);
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
