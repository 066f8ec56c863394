//! What operators see: a batch of records with what travels beside them.
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A batch is full at so many records.
pub const FULL_RECORDS: usize = 1024;
/// A batch is full at so many bytes: a row of stages runs over it while it is in the processor's nearest cache.
pub const FULL_BYTES: usize = 32 << 10;

/// Records in order, with their event times and key hashes where there are any, and the split they come from until the
/// first exchange. Laws: `times` and `hashes` are empty or as long as `records`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch<T> {
    /// The records.
    pub(crate) records: Vec<T>,
    /// Event times; empty before `event_time`.
    pub(crate) times: Vec<Timestamp>,
    /// Hashes of the keys; empty before `key_by`.
    pub(crate) hashes: Vec<u64>,
    /// The worker's number of the split that all records are from.
    pub(crate) split: Option<u32>,
    /// What the records weighed when they were read.
    pub(crate) bytes: usize,
}

/// A batch taken apart. The laws of [`Batch`] hold when it is put together again.
#[derive(Clone, Debug)]
pub struct Parts<T> {
    /// The records.
    pub records: Vec<T>,
    /// Event times; empty before `event_time`.
    pub times: Vec<Timestamp>,
    /// Hashes of the keys; empty before `key_by`.
    pub hashes: Vec<u64>,
    /// The worker's number of the split that all records are from.
    pub split: Option<u32>,
    /// What the records weighed when they were read.
    pub bytes: usize,
}

impl<T> From<Parts<T>> for Batch<T> {
    fn from(parts: Parts<T>) -> Self {
        let Parts { records, times, hashes, split, bytes } = parts;
        debug_assert!(times.is_empty() || times.len() == records.len());
        debug_assert!(hashes.is_empty() || hashes.len() == records.len());
        Self { records, times, hashes, split, bytes }
    }
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self { records: Vec::new(), times: Vec::new(), hashes: Vec::new(), split: None, bytes: 0 }
    }
}

impl<T> From<Vec<T>> for Batch<T> {
    fn from(records: Vec<T>) -> Self {
        let bytes = std::mem::size_of_val(records.as_slice());
        Self { records, bytes, ..Self::default() }
    }
}

impl<T> Batch<T> {
    /// Makes room for so many more records.
    pub fn reserve(&mut self, more: usize) {
        self.records.reserve(more);
    }

    /// Takes everything out, and leaves room for as much: who fills a batch again and again needs not let it grow each time.
    ///
    /// ```
    /// # use millstream_runtime::batch::Batch;
    /// let mut batch = Batch::from(vec![1, 2, 3]);
    /// assert_eq!(batch.renew().len(), 3);
    /// assert!(batch.is_empty());
    /// ```
    #[must_use = "these are the records"]
    pub fn renew(&mut self) -> Self {
        if self.is_empty() {
            return Self::default();
        }
        let room = Self {
            records: Vec::with_capacity(self.records.len()),
            times: Vec::with_capacity(self.times.len()),
            hashes: Vec::with_capacity(self.hashes.len()),
            split: None,
            bytes: 0,
        };
        std::mem::replace(self, room)
    }

    /// Appends a record that weighs what its type does.
    #[inline]
    pub fn push(&mut self, record: T) {
        self.push_sized(record, std::mem::size_of::<T>());
    }

    /// Appends a record of so many bytes: what back-pressure counts.
    #[inline]
    pub fn push_sized(&mut self, record: T, bytes: usize) {
        self.bytes += bytes;
        self.records.push(record);
    }

    /// Appends a record with its event time. All records of a batch have one, or none has.
    #[inline]
    pub fn push_at(&mut self, record: T, at: Timestamp) {
        self.times.push(at);
        self.push(record);
    }

    /// Appends records that weigh what their type does.
    ///
    /// ```
    /// use millstream_runtime::batch::Batch;
    /// let mut batch = Batch::from(vec![1u32]);
    /// batch.extend([2, 3]);
    /// assert_eq!((batch.len(), batch.bytes()), (3, 12));
    /// ```
    #[inline]
    pub fn extend(&mut self, records: impl IntoIterator<Item = T>) {
        let before = self.records.len();
        self.records.extend(records);
        self.bytes += (self.records.len() - before) * std::mem::size_of::<T>();
    }

    /// Advice to readers: a read that goes on beyond it only delays its neighbours.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.records.len() >= FULL_RECORDS || self.bytes >= FULL_BYTES
    }

    /// How many more records it takes until it is full, where each weighs what its type does.
    pub fn room(&self) -> usize {
        let weight = std::mem::size_of::<T>().max(1);
        let by_bytes = FULL_BYTES.saturating_sub(self.bytes).div_ceil(weight);
        by_bytes.min(FULL_RECORDS.saturating_sub(self.records.len()))
    }

    /// How many records.
    #[inline]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// What the records weighed when they were read, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The records, in order.
    #[inline]
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.records.iter()
    }

    /// Event times, one for each record, or none.
    pub fn times(&self) -> &[Timestamp] {
        &self.times
    }

    /// Hashes of the keys, one for each record, or none.
    pub fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    /// Takes the records out, in order; event times and hashes go.
    #[inline]
    pub fn drain(&mut self) -> std::vec::Drain<'_, T> {
        self.times.clear();
        self.hashes.clear();
        self.bytes = 0;
        self.records.drain(..)
    }

    /// Takes it apart.
    pub fn into_parts(self) -> Parts<T> {
        let Batch { records, times, hashes, split, bytes } = self;
        Parts { records, times, hashes, split, bytes }
    }

    /// The worker's number of the split that all records are from; none behind an exchange.
    pub fn split(&self) -> Option<u32> {
        self.split
    }

    /// Appends a record with what travels beside it. All records of a batch have a time, or none has; hashes likewise.
    #[inline]
    pub fn push_with(&mut self, record: T, at: Option<Timestamp>, hash: Option<u64>) {
        self.times.extend(at);
        self.hashes.extend(hash);
        self.push(record);
    }

    /// Sets the event times: as many as there are records.
    pub fn set_times(&mut self, times: Vec<Timestamp>) {
        debug_assert_eq!(times.len(), self.records.len());
        self.times = times;
    }

    /// Another type of record with the same times, hashes and split: one for one.
    #[inline]
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Batch<U> {
        let records = self.records.into_iter().map(f).collect();
        Batch { records, times: self.times, hashes: self.hashes, split: self.split, bytes: self.bytes }
    }

    /// Keeps the records that hold, with what is beside them.
    #[inline]
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        if self.times.is_empty() && self.hashes.is_empty() {
            return self.records.retain(keep);
        }
        let kept: Vec<bool> = self.records.iter().map(&mut keep).collect();
        retain_by(&mut self.records, &kept);
        retain_by(&mut self.times, &kept);
        retain_by(&mut self.hashes, &kept);
    }
}

/// Keeps `items[i]` where `kept[i]`; an empty list stays empty.
fn retain_by<T>(items: &mut Vec<T>, kept: &[bool]) {
    let mut kept = kept.iter();
    items.retain(|_| kept.next().copied().unwrap_or(false));
}
