//! What a reader has of a broadcast: a copy, whole.
use crate::store::{Columned, Store};
use millstream_runtime::KeyedState;
use millstream_runtime::Result;
use millstream_runtime::codec::KeyHasher;
use millstream_runtime::data::{Key, State};
use millstream_runtime::graph::OperatorInit;
use millstream_runtime::logic::CopyHash;
use millstream_runtime::parcel::Parcel;
use millstream_runtime::state::{Column, KeyedState as _, StateSpace, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// More entries are no small state: every worker has them all.
const ENTRIES_MAX: usize = 1_000_000;

/// A change of an entry, on its way to every worker.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Change<K, V> {
    pub key: K,
    /// None takes the entry away.
    pub value: Option<V>,
    /// See [`Entry::hash`].
    pub hash: u64,
}

/// An entry in the checkpoint.
#[derive(KeyedState)]
pub(super) struct Entry<V: State> {
    pub value: Value<V>,
    /// Of the key and the value as the writer encoded them: another worker might encode a value with unordered parts in
    /// another way.
    pub hash: Value<u64>,
}

/// The handles of an entry.
pub(super) struct Handles<V: State>(pub Entry<V>);

impl<V: State> Columned for Handles<V> {
    fn columns(&mut self) -> Vec<&mut dyn Column> {
        self.0.columns()
    }
}

/// Opens the store of a broadcast with the entries of the checkpoint; `visit` is called for each.
pub(super) fn open<K: Key, V: State>(
    init: &OperatorInit<'_>,
    mut visit: impl FnMut(&K, &Entry<V>),
) -> Result<(Store<K>, Handles<V>)> {
    let mut store = Store::in_memory(init, "broadcast");
    let mut handles = Handles(Entry::open(&mut StateSpace::new(store.cursor())));
    store.restore(init, &mut handles)?;
    store.for_each(&mut handles, |handles, _, key| visit(key, &handles.0))?;
    Ok((store, handles))
}

/// The hash of an entry. Never 0, which is that of none.
pub(super) fn hash_of<K: Key, V: State>(hasher: &mut KeyHasher, key: &K, value: &V) -> u64 {
    hasher.hash(&(key, value)).max(1)
}

/// The state as it is for the record at hand: read only, so that all workers agree.
pub struct View<K, V> {
    entries: BTreeMap<K, (V, u64)>,
}

impl<K: Ord, V> View<K, V> {
    /// The last value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(value, _)| value)
    }

    /// All entries, by key: in the same order on every worker.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, (value, _))| (key, value))
    }

    /// How many entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The copy of one reader on one worker.
pub(super) struct Copy<K, V> {
    uid: String,
    pub view: View<K, V>,
    hash: u64,
}

impl<K: Key, V: State> Copy<K, V> {
    /// Of the broadcast `uid`, as the checkpoint has it.
    pub fn load(init: &OperatorInit<'_>, uid: &str) -> Result<Self> {
        let mut copy = Self { uid: uid.into(), view: View { entries: BTreeMap::new() }, hash: 0 };
        let mut found = vec![];
        open::<K, V>(&init.whole_of(uid), |key, entry| {
            let hash = entry.hash.get().copied().unwrap_or_default();
            found.push(Change { key: key.clone(), value: entry.value.get().cloned(), hash });
        })?;
        found.into_iter().try_for_each(|change| copy.apply(change))?;
        Ok(copy)
    }

    /// What a batch says, in order.
    pub fn changes(batch: Parcel) -> Result<Vec<Change<K, V>>> {
        Ok(batch.open::<Change<K, V>>()?.into_parts().records)
    }

    /// Takes a change in.
    pub fn apply(&mut self, Change { key, value, hash }: Change<K, V>) -> Result<()> {
        let before = match value {
            Some(value) => self.view.entries.insert(key, (value, hash)),
            None => self.view.entries.remove(&key),
        };
        self.hash = self.hash.wrapping_add(hash).wrapping_sub(before.map_or(0, |(_, hash)| hash));
        if self.view.len() > ENTRIES_MAX {
            let uid = &self.uid;
            return Err(format!(
                "broadcast {uid:?} has more than {ENTRIES_MAX} entries, and every worker has them all: join by key instead"
            )
            .into());
        }
        Ok(())
    }

    /// For the comparison at a checkpoint.
    pub fn copy_hash(&self) -> CopyHash {
        CopyHash { uid: self.uid.clone(), hash: self.hash, is_copy: true }
    }
}
