//! The plain model that a backend is compared with, and the randomness that drives both.
use super::super::timers::Domain;
use std::collections::{BTreeMap, BTreeSet};

/// In milliseconds; the derive of the subject's state says the same.
pub(super) const TTL: i64 = 1_000;

/// SplitMix64: a sequence that a seed alone decides.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// A timer: domain, time, payload.
pub(super) type Timer = (Domain, i64, u8);

/// The state of one key; what can expire is beside the time of its last write.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub(super) count: Option<u64>,
    pub(super) name: Option<String>,
    pub(super) log: Vec<u32>,
    pub(super) map: BTreeMap<u16, String>,
    pub(super) fresh: Option<(u64, i64)>,
    pub(super) recent: Vec<(u32, i64)>,
    pub(super) seen: BTreeMap<u16, (u64, i64)>,
    pub(super) timers: BTreeSet<Timer>,
}

/// What can be read of a key.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct View {
    pub(super) count: Option<u64>,
    pub(super) name: Option<String>,
    pub(super) log: Vec<u32>,
    pub(super) map: BTreeMap<u16, String>,
    pub(super) fresh: Option<u64>,
    pub(super) recent: Vec<u32>,
    pub(super) seen: BTreeMap<u16, u64>,
}

impl Row {
    pub(super) fn view(&self, now: i64) -> View {
        let live = |written: i64| written + TTL > now;
        View {
            count: self.count,
            name: self.name.clone(),
            log: self.log.clone(),
            map: self.map.clone(),
            fresh: self.fresh.filter(|(_, at)| live(*at)).map(|(value, _)| value),
            recent: self.recent.iter().filter(|(_, at)| live(*at)).map(|(value, _)| *value).collect(),
            seen: self.seen.iter().filter(|(_, (_, at))| live(*at)).map(|(key, (value, _))| (*key, *value)).collect(),
        }
    }
}

/// All keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) now: i64,
    pub(super) rows: BTreeMap<String, Row>,
}

impl Model {
    pub(super) fn row(&mut self, key: &str) -> &mut Row {
        self.rows.entry(key.into()).or_default()
    }

    pub(super) fn view(&self, key: &str) -> View {
        self.rows.get(key).map(|row| row.view(self.now)).unwrap_or_default()
    }

    /// How many keys have anything.
    pub(super) fn len(&self) -> usize {
        let is_there = |row: &&Row| row.view(self.now) != View::default() || !row.timers.is_empty();
        self.rows.values().filter(is_there).count()
    }

    /// All timers of a domain up to a time, in order of time.
    pub(super) fn due(&self, domain: Domain, up_to: i64) -> BTreeSet<(i64, String, u8)> {
        let timers = self.rows.iter().flat_map(|(key, row)| row.timers.iter().map(move |timer| (key, timer)));
        let due = timers.filter(|(_, (of, at, _))| *of == domain && *at <= up_to);
        due.map(|(key, (_, at, payload))| (*at, key.clone(), *payload)).collect()
    }
}
