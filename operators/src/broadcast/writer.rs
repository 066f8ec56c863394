//! The writer of a broadcast: it owns some of the keys, and tells every worker what has changed.
use super::copy::{Change, Handles, hash_of, open};
use crate::store::Store;
use millstream_runtime::Result;
use millstream_runtime::batch::{Batch, Parts};
use millstream_runtime::checkpoint::{OperatorInfo, Section};
use millstream_runtime::codec::KeyHasher;
use millstream_runtime::data::{Data, Key, State};
use millstream_runtime::graph::OperatorInit;
use millstream_runtime::logic::{CopyHash, Logic, Turn};
use millstream_runtime::parcel::Parcel;
use millstream_runtime::state::Slot;
use std::marker::PhantomData;
use std::task::{Context, Poll};

/// See the module.
pub(super) struct WriterLogic<K: Key, T, V: State, F> {
    uid: String,
    workers: usize,
    value: F,
    store: Store<K>,
    entry: Handles<V>,
    hasher: KeyHasher,
    /// The sum over the entries that this worker owns.
    hash: u64,
    slots: Vec<Slot>,
    of: PhantomData<fn(T)>,
}

impl<K: Key, T: Data, V: State, F: FnMut(T) -> Option<V> + 'static> WriterLogic<K, T, V, F> {
    /// With the entries of the checkpoint that this worker owns.
    pub fn open(init: &OperatorInit<'_>, value: F) -> Result<Self> {
        let mut hash = 0u64;
        let add = |entry: &super::copy::Entry<V>| entry.hash.get().copied().unwrap_or_default();
        let (store, entry) = open(init, |_: &K, entry| hash = hash.wrapping_add(add(entry)))?;
        let (uid, workers) = (init.uid.into(), init.workers);
        Ok(Self {
            uid,
            workers,
            value,
            store,
            entry,
            hasher: KeyHasher::default(),
            hash,
            slots: vec![],
            of: PhantomData,
        })
    }

    /// Writes the entry that was entered; gives what all are to be told.
    fn write(&mut self, key: K, value: Option<V>) -> Change<K, V> {
        let hash = value.as_ref().map_or(0, |value| hash_of(&mut self.hasher, &key, value));
        let entry = &mut self.entry.0;
        let before = entry.hash.get().copied().unwrap_or_default();
        self.hash = self.hash.wrapping_add(hash).wrapping_sub(before);
        match &value {
            Some(value) => {
                entry.value.set(value.clone());
                entry.hash.set(hash);
            }
            None => {
                entry.value.clear();
                entry.hash.clear();
            }
        }
        Change { key, value, hash }
    }
}

impl<K: Key, T: Data, V: State, F: FnMut(T) -> Option<V> + 'static> Logic for WriterLogic<K, T, V, F> {
    fn on_batch(&mut self, _port: usize, batch: Parcel, turn: &mut Turn<'_>) -> Result<()> {
        let batch: Batch<(K, T)> = batch.open()?;
        let Parts { records, hashes, .. } = batch.into_parts();
        self.slots.clear();
        self.store.resolve(&hashes, |i| &records[i].0, &mut self.slots);
        let slots = std::mem::take(&mut self.slots);
        let mut changes = Vec::with_capacity(records.len());
        for (slot, (key, record)) in slots.iter().zip(records) {
            self.store.enter(*slot);
            let value = (self.value)(record);
            changes.push(self.write(key, value));
        }
        self.slots = slots;
        self.store.settle(&mut self.entry)?;
        (0..self.workers).try_for_each(|worker| turn.emit(Parcel::to(worker, Batch::from(changes.clone()))))
    }

    fn freeze(&mut self, _n: u64) -> Result<()> {
        self.store.freeze(&mut self.entry)
    }

    fn poll_snapshot(&mut self, task: &mut Context<'_>, hurry: bool) -> Poll<Result<Vec<Section>>> {
        self.store.poll_snapshot(task, hurry, &mut self.entry)
    }

    fn info(&mut self) -> OperatorInfo {
        self.store.info(&mut self.entry)
    }

    fn copy_hash(&self) -> Option<CopyHash> {
        Some(CopyHash { uid: self.uid.clone(), hash: self.hash, is_copy: false })
    }
}
