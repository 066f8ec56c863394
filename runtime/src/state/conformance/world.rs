//! Random work on a backend and on the model, with snapshots in between.
use super::super::timers::Domain;
use super::Make;
use super::model::{Model, Random};
use super::subject::{Entry, Snapshot, Subject};
use crate::codec::owner;
use crate::time::Timestamp;
use std::collections::BTreeSet;

/// Steps of a run.
const STEPS: usize = 250;
/// Keys come and go among so many.
const KEYS: u64 = 12;
/// More sub-keys than a short map holds.
const SUBS: u64 = 50;

/// A backend, the model, and the snapshots so far.
pub(super) struct World<'a> {
    make: Make<'a>,
    seed: u64,
    step: usize,
    random: Random,
    subject: Subject,
    model: Model,
    durable: Vec<Snapshot>,
    /// As it was at the freeze of the last durable snapshot.
    saved: Model,
    active: Option<Active>,
    /// Whether a snapshot may have a cell only once.
    once: bool,
}

/// The outstanding snapshot.
struct Active {
    snapshot: Snapshot,
    /// As it was at the freeze.
    model: Model,
    is_encoded: bool,
}

impl<'a> World<'a> {
    pub(super) fn new(make: Make<'a>, seed: u64) -> Self {
        let model = Model { now: 1_000_000, ..Model::default() };
        Self {
            make,
            seed,
            step: 0,
            random: Random(seed),
            subject: Subject::new(make, model.now),
            saved: model.clone(),
            model,
            durable: Vec::new(),
            active: None,
            once: false,
        }
    }

    pub(super) fn run(mut self, once: bool) {
        self.once = once;
        for step in 0..STEPS {
            self.step = step;
            match self.random.below(100) {
                0..60 => self.batch(),
                60..65 => self.tick(),
                65..70 => self.fire(),
                70 => self.crash(),
                _ => self.snapshot(),
            }
        }
        self.end();
    }

    fn at(&self) -> String {
        format!("seed {}, step {}", self.seed, self.step)
    }

    fn key(&mut self) -> String {
        format!("key-{}", self.random.below(KEYS))
    }

    /// Some records of some keys, resolved together, then settled; what is read on the way is compared.
    fn batch(&mut self) {
        let records = self.random.below(8) as usize + 1;
        let keys: Vec<String> = (0..records).map(|_| self.key()).collect();
        let slots = self.subject.resolve(&keys);
        for (slot, key) in slots.into_iter().zip(&keys) {
            self.subject.rows.cursor().enter(slot);
            for _ in 0..self.random.below(4) {
                self.write(key);
            }
        }
        self.subject.settle().unwrap_or_else(|e| panic!("{}: {e}", self.at()));
        for key in keys {
            assert_eq!(self.subject.view(&key), self.model.view(&key), "{}: {key}", self.at());
        }
    }

    fn write(&mut self, key: &str) {
        let what = self.random.below(24);
        let (sub, value) = (self.random.below(SUBS) as u16, self.random.below(1_000));
        let (state, now) = (&mut self.subject.state, self.model.now);
        let shown = self.model.view(key);
        let row = self.model.row(key);
        match what {
            0..3 => {
                *state.count.get_mut() += value;
                *row.count.get_or_insert(0) += value;
            }
            3 => assert_eq!(state.count.take(), row.count.take()),
            4 => {
                state.name.set(value.to_string());
                row.name = Some(value.to_string());
            }
            5 => {
                state.name.clear();
                row.name = None;
            }
            6 | 7 => {
                state.log.push(value as u32);
                row.log.push(value as u32);
            }
            8 => {
                state.log.clear();
                row.log.clear();
            }
            9..12 => {
                state.map.insert(sub, value.to_string());
                row.map.insert(sub, value.to_string());
            }
            12 => assert_eq!(state.map.remove(&sub), row.map.remove(&sub)),
            13 => {
                state.map.clear();
                row.map.clear();
            }
            14 => {
                *state.fresh.get_mut() += value;
                row.fresh = Some((shown.fresh.unwrap_or(0) + value, now));
            }
            15 => {
                state.recent.push(value as u32);
                row.recent.push((value as u32, now));
            }
            16 => {
                state.seen.insert(sub, value);
                row.seen.insert(sub, (value, now));
            }
            17 => {
                let there = state.seen.get_mut(&sub).map(|mut seen| *seen += 1);
                assert_eq!(there.is_some(), shown.seen.contains_key(&sub));
                if let Some((value, at)) = row.seen.get_mut(&sub).filter(|_| there.is_some()) {
                    (*value, *at) = (*value + 1, now);
                }
            }
            18..20 => self.set_timer(key, sub, value as u8 % 4),
            _ => self.wipe(key),
        }
    }

    /// The key comes to nothing; its slot is used again.
    fn wipe(&mut self, key: &str) {
        let state = &mut self.subject.state;
        state.count.clear();
        state.name.clear();
        state.log.clear();
        state.map.clear();
        state.fresh.clear();
        state.recent.clear();
        state.seen.clear();
        for (domain, at, payload) in self.model.rows.remove(key).unwrap_or_default().timers {
            self.subject.timers.cancel(domain, Timestamp(at), &payload);
        }
    }

    fn set_timer(&mut self, key: &str, after: u16, payload: u8) {
        let domain = if after.is_multiple_of(2) { Domain::Event } else { Domain::Processing };
        let at = self.model.now + i64::from(after) - 10;
        let row = self.model.row(key);
        if payload == 3 {
            // Takes another one back, where there is one.
            let Some((domain, at, payload)) = row.timers.pop_first() else { return };
            self.subject.timers.cancel(domain, Timestamp(at), &payload);
        } else {
            self.subject.timers.set(domain, Timestamp(at), &payload);
            row.timers.insert((domain, at, payload));
        }
    }

    fn tick(&mut self) {
        self.model.now += [7, 90, 800, 3_000][self.random.below(4) as usize];
        self.subject.rows.cursor().set_now(Timestamp(self.model.now));
        let budget = self.random.below(40) as usize;
        let expired = self.subject.with(|rows, columns| rows.expire(columns, budget));
        expired.unwrap_or_else(|e| panic!("{}: {e}", self.at()));
    }

    fn fire(&mut self) {
        let domain = if self.random.below(2) == 0 { Domain::Event } else { Domain::Processing };
        let up_to = self.model.now + self.random.below(40) as i64 - 10;
        assert_eq!(self.subject.fire(domain, up_to), self.model.due(domain, up_to), "{}: timers", self.at());
        for row in self.model.rows.values_mut() {
            row.timers.retain(|(of, at, _)| *of != domain || *at > up_to);
        }
        self.subject.settle().unwrap_or_else(|e| panic!("{}: {e}", self.at()));
    }

    /// Begins a snapshot, encodes a slice of it, or ends it, well or not.
    fn snapshot(&mut self) {
        let Some(mut active) = self.active.take() else {
            self.subject.freeze().unwrap_or_else(|e| panic!("{}: {e}", self.at()));
            let snapshot = Snapshot::of(&mut self.subject);
            self.active = Some(Active { snapshot, model: self.model.clone(), is_encoded: false });
            return;
        };
        match self.random.below(10) {
            0 => self.subject.with(|rows, columns| rows.redo(columns)),
            1.. if active.is_encoded => {
                self.subject.with(|rows, columns| rows.durable(columns));
                self.save(active);
            }
            _ => {
                let budget = self.random.below(30) as usize;
                let encoded = self.subject.with(|rows, columns| rows.encode(columns, budget, &mut active.snapshot));
                active.is_encoded = encoded.unwrap_or_else(|e| panic!("{}: {e}", self.at()));
                self.active = Some(active);
            }
        }
    }

    fn save(&mut self, done: Active) {
        let puts = done.snapshot.entries.iter().filter_map(|(_, entry)| match entry {
            Entry::Put(column, key, sub, _) => Some((column, key, sub)),
            Entry::Delete(..) | Entry::DeleteRow(_) => None,
        });
        let all = puts.clone().count();
        let different = puts.collect::<BTreeSet<_>>().len();
        assert!(!self.once || different == all, "{}: a cell is written once", self.at());
        self.durable.push(done.snapshot);
        self.saved = done.model;
        self.compare(&self.saved.clone());
    }

    /// Everything since the last durable snapshot is lost; work goes on from there.
    fn crash(&mut self) {
        self.active = None;
        self.model = self.saved.clone();
        self.subject = self.restored(&self.durable, 1, self.model.now).remove(0);
    }

    /// Restores all durable snapshots into one, two and three backends and compares them with the model.
    fn compare(&mut self, model: &Model) {
        for workers in 1..=3 {
            self.compare_with(&mut self.restored(&self.durable, workers, model.now), model);
        }
    }

    fn restored(&self, snapshots: &[Snapshot], workers: usize, now: i64) -> Vec<Subject> {
        let mut subjects: Vec<Subject> = (0..workers).map(|_| Subject::new(self.make, now)).collect();
        for (worker, subject) in subjects.iter_mut().enumerate() {
            for snapshot in snapshots {
                let restored = subject.restore(snapshot, |group| owner(group, workers) == worker);
                restored.unwrap_or_else(|e| panic!("{}: restore: {e}", self.at()));
            }
        }
        subjects
    }

    fn compare_with(&self, subjects: &mut [Subject], model: &Model) {
        let (at, workers) = (self.at(), subjects.len());
        for key in model.rows.keys() {
            let group = crate::codec::key_group(subjects[0].hash(key));
            let view = subjects[owner(group, workers)].view(key);
            assert_eq!(view, model.view(key), "{at}: {key} after a restore into {workers}");
        }
        let mut len = 0;
        for subject in subjects.iter_mut() {
            let expired = subject.with(|rows, columns| rows.expire(columns, usize::MAX));
            expired.unwrap_or_else(|e| panic!("{at}: {e}"));
            len += subject.rows.len();
        }
        assert_eq!(len, model.len(), "{at}: keys after a restore into {workers}");
        for domain in [Domain::Event, Domain::Processing] {
            let fired = subjects.iter_mut().flat_map(|subject| subject.fire(domain, i64::MAX)).collect();
            assert_eq!(model.due(domain, i64::MAX), fired, "{at}: timers after a restore into {workers}");
        }
    }

    /// Two workers' state, rewritten, comes back on one; and what has a TTL goes in the end.
    fn end(mut self) {
        if self.active.take().is_some() {
            self.subject.with(|rows, columns| rows.redo(columns));
        }
        let last = self.subject.snapshot();
        self.durable.push(last);
        self.compare(&self.model.clone());
        let mut halves = self.restored(&self.durable, 2, self.model.now);
        let rewritten: Vec<Snapshot> = halves.iter_mut().map(rewritten).collect();
        self.compare_with(&mut self.restored(&rewritten, 1, self.model.now), &self.model);
        // A round of removal may begin in the middle of a key's state, and end there: the next one does the rest.
        for _ in 0..2 {
            self.model.now += 60_000;
            self.subject.rows.cursor().set_now(Timestamp(self.model.now));
            let expired = self.subject.with(|rows, columns| rows.expire(columns, usize::MAX));
            expired.unwrap_or_else(|e| panic!("{}: {e}", self.at()));
        }
        assert_eq!(self.subject.rows.len(), self.model.len(), "{}: keys after two minutes", self.at());
    }
}

/// A snapshot that is complete by itself.
fn rewritten(subject: &mut Subject) -> Snapshot {
    subject.with(|rows, columns| rows.rewrite(columns)).expect("every row can be read");
    subject.snapshot()
}
