//! The way to the worker that owns a key: at the sender the key is read and hashed once, and batches are dealt out.
use crate::keyed::KeyOf;
use millstream_runtime::batch::{Batch, FULL_RECORDS, Parts};
use millstream_runtime::codec::{self, KeyHasher};
use millstream_runtime::data::{Data, Key};
use millstream_runtime::parcel::Parcel;
use millstream_runtime::stage::{Next, Outputs, Stage, StageInit};
use millstream_runtime::{BoxError, Result};

/// Deals batches with hashes out to the workers that own the keys.
pub(crate) struct Dealer<T> {
    uid: String,
    /// One batch in the making for each worker.
    outgoing: Vec<Batch<T>>,
    is_checked: bool,
    next: Next,
}

impl<T: Data> Dealer<T> {
    pub(crate) fn new(uid: &str, workers: usize, next: Next) -> Self {
        let outgoing = (0..workers).map(|_| Batch::default()).collect();
        Self { uid: uid.into(), outgoing, is_checked: false, next }
    }

    /// Sends a batch whose records have hashes. The first record of all is encoded, decoded and encoded again: a type
    /// that does not survive that would be found at the first restore only.
    pub(crate) fn deal(&mut self, batch: Batch<T>, out: &mut Outputs) -> Result<()> {
        if let Some(first) = batch.iter().next().filter(|_| !self.is_checked) {
            codec::check_round_trip(first).map_err(|e| BoxError::from(format!("{:?}: {e}", self.uid)))?;
            self.is_checked = true;
        }
        let workers = self.outgoing.len();
        if workers == 1 {
            return if batch.is_empty() { Ok(()) } else { self.next.push(Parcel::new(batch), out) };
        }
        let Parts { records, times, hashes, .. } = batch.into_parts();
        for (i, (record, hash)) in records.into_iter().zip(hashes).enumerate() {
            let target = codec::owner(codec::key_group(hash), workers);
            let Some(to) = self.outgoing.get_mut(target) else { continue };
            to.push_with(record, times.get(i).copied(), Some(hash));
            if to.len() >= FULL_RECORDS {
                self.next.push(Parcel::to(target, to.renew()), out)?;
            }
        }
        Ok(())
    }

    pub(crate) fn flush(&mut self, out: &mut Outputs) -> Result<()> {
        for (target, batch) in self.outgoing.iter_mut().enumerate() {
            if !batch.is_empty() {
                self.next.push(Parcel::to(target, batch.renew()), out)?;
            }
        }
        self.next.flush(out)
    }
}

/// Pairs each record with its key.
pub(crate) struct Shuffle<K, T> {
    key: KeyOf<K, T>,
    hasher: KeyHasher,
    dealer: Dealer<(K, T)>,
}

impl<K: Key, T: Data> Shuffle<K, T> {
    pub(crate) fn boxed(uid: &str, key: KeyOf<K, T>, mut init: StageInit) -> Next {
        let dealer = Dealer::new(uid, init.workers, init.next(0));
        Box::new(Self { key, hasher: KeyHasher::default(), dealer })
    }
}

impl<K: Key, T: Data> Stage for Shuffle<K, T> {
    fn push(&mut self, batch: Parcel, out: &mut Outputs) -> Result<()> {
        let batch: Batch<T> = batch.open()?;
        let Parts { records, times, bytes, .. } = batch.into_parts();
        let (records, hashes) = self.key.pair(records, &mut self.hasher);
        self.dealer.deal(Parts { records, times, hashes, split: None, bytes }.into(), out)
    }

    fn flush(&mut self, out: &mut Outputs) -> Result<()> {
        self.dealer.flush(out)
    }
}
