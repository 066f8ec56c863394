//! How far the workers of a process have read the sources whose splits wait for each other. A tick says it, too, of all
//! processes, but a slice or two later: a split that heard of nothing else would stand still meanwhile.
use crate::run::control::locked;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// Of all sources, by place.
#[derive(Default)]
pub(crate) struct Fronts(Mutex<BTreeMap<u32, Arc<Front>>>);

/// By worker, what its splits promise that hold the watermark back, for each origin. Only a hint for how far to read.
type Front = Vec<Vec<AtomicI64>>;

impl Fronts {
    /// Of a source with so many origins, for this one of all workers. The first one that asks makes it. Nobody speaks for
    /// the workers of other processes, so beside those the front stays where it begins, before every record.
    pub fn own(&self, place: u32, origins: usize, worker: usize, workers: usize) -> OwnFront {
        let before_all = |count: usize| (0..count).map(|_| AtomicI64::new(i64::MIN)).collect();
        let make = || Arc::new((0..workers).map(|_| before_all(origins)).collect());
        OwnFront { worker, all: Arc::clone(locked(&self.0).entry(place).or_insert_with(make)) }
    }
}

/// The front of a source, as one worker sees it.
pub(crate) struct OwnFront {
    worker: usize,
    all: Arc<Front>,
}

impl OwnFront {
    /// The splits of this worker promise so much; `i64::MAX` where none holds the watermark back.
    pub fn note(&self, origin: usize, mark: i64) {
        if let Some(own) = self.all.get(self.worker).and_then(|marks| marks.get(origin)) {
            own.store(mark, Relaxed);
        }
    }

    /// What the splits of all workers promise.
    pub fn least(&self, origin: usize) -> i64 {
        let marks = self.all.iter().filter_map(|marks| marks.get(origin));
        marks.map(|mark| mark.load(Relaxed)).min().unwrap_or(i64::MIN)
    }
}
