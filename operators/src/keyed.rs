//! Keyed streams: state, timers, windows.
use crate::Stream;
use crate::exchange::Shuffle;
use millstream_runtime::codec::KeyHasher;
use millstream_runtime::data::{Data, Key};
use millstream_runtime::graph::{At, Rule};
use std::rc::Rc;

/// A stream whose records of one key meet on one worker, in order.
#[must_use = "a stream that no sink ends does nothing"]
pub struct Keyed<K, T> {
    pub(crate) inner: Stream<T>,
    pub(crate) key: KeyOf<K, T>,
}

/// Reads a record's key.
pub(crate) type KeyOf<K, T> = Rc<dyn ReadKey<K, T>>;

/// What [`Stream::key_by`] was given.
pub(crate) trait ReadKey<K, T> {
    /// The keys of a batch, with their hashes: one call by pointer for all of them.
    fn keys(&self, records: &[T], hasher: &mut KeyHasher) -> Vec<(K, u64)>;

    /// The records of a batch with their keys, and the keys' hashes.
    fn pair(&self, records: Vec<T>, hasher: &mut KeyHasher) -> (Vec<(K, T)>, Vec<u64>);
}

impl<K: Key, T, F: Fn(&T) -> K> ReadKey<K, T> for F {
    fn keys(&self, records: &[T], hasher: &mut KeyHasher) -> Vec<(K, u64)> {
        let read = |record| {
            let key = self(record);
            let hash = hasher.hash(&key);
            (key, hash)
        };
        records.iter().map(read).collect()
    }

    fn pair(&self, records: Vec<T>, hasher: &mut KeyHasher) -> (Vec<(K, T)>, Vec<u64>) {
        let mut hashes = Vec::with_capacity(records.len());
        let pairs = records.into_iter().map(|record| {
            let key = self(&record);
            hashes.push(hasher.hash(&key));
            (key, record)
        });
        (pairs.collect(), hashes)
    }
}

impl<K, T> Clone for Keyed<K, T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), key: Rc::clone(&self.key) }
    }
}

impl<K: 'static, T: 'static> Keyed<K, T> {
    pub(crate) fn new(inner: Stream<T>, key: KeyOf<K, T>) -> Self {
        Self { inner, key }
    }

    /// The records as pairs with their keys, each on its way to the worker that owns its key.
    #[track_caller]
    pub(crate) fn shuffled(&self, uid: &str) -> At
    where
        K: Key,
        T: Data,
    {
        let (uid, key) = (uid.to_string(), Rc::clone(&self.key));
        self.inner.at.stage("exchange", Rule::Keeps, move |init| Shuffle::boxed(&uid, key, init))
    }
}

/// Two inputs meet by key, so their keys are of one type.
#[diagnostic::on_unimplemented(
    message = "the two inputs have different keys: `{K}` and `{Self}`",
    label = "give both `.key_by(..)` the same type"
)]
pub trait SameKey<K> {}
impl<K> SameKey<K> for K {}
