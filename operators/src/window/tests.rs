//! Windows against plain computations that keep every record, step by step, with late records and restarts.
use super::Windowed;
use super::agenda::Agenda;
use super::folding::{Folding, Records};
use super::late_log::LateLog;
use super::logic::{Visit, Windowing};
use super::panes::PaneWindows;
use super::sessions::Sessions;
use super::shape::{Gap, Panes};
use crate::aggregate::Aggregate;
use crate::stream::Either;
use millstream_runtime::batch::Batch;
use millstream_runtime::codec::KeyHasher;
use millstream_runtime::run::Jitter;
use millstream_runtime::state::{Backend, Change, Cursor, EntrySink, Memory, Plan, StoredState, Unknown};
use millstream_runtime::time::{Timestamp, millis};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::rc::Rc;

/// Key, event time, number.
type Event = (u8, i64, u32);
type Emitted = Either<Windowed<u8, Vec<u32>>, Event>;

/// The numbers of all records, in order.
struct Numbers;

impl Aggregate<Event> for Numbers {
    type Acc = Vec<u32>;
    type Out = Vec<u32>;
    fn init(&self) -> Vec<u32> {
        vec![]
    }
    fn add(&self, acc: &mut Vec<u32>, record: &Event) {
        acc.push(record.2);
    }
    fn merge(&self, into: &mut Vec<u32>, other: Vec<u32>) {
        into.extend(other);
    }
    fn finish(&self, acc: &Vec<u32>) -> Vec<u32> {
        let mut all = acc.clone();
        all.sort();
        all
    }
}

fn numbers() -> Records<Event, Numbers> {
    Records { aggregate: Rc::new(Numbers), of: PhantomData }
}

/// What a plain computation does.
trait Plain {
    fn arrive(&mut self, event: Event, watermark: i64) -> Vec<Emitted>;
    /// Results in any order.
    fn advance(&mut self, watermark: i64) -> Vec<Emitted>;
}

fn windowed(key: u8, (start, end): (i64, i64), revision: u32, mut value: Vec<u32>) -> Emitted {
    value.sort();
    Either::Left(Windowed { key, start: Timestamp(start), end: Timestamp(end), revision, value })
}

/// Every window with all its records, for ever.
struct PlainPanes {
    length: i64,
    slide: i64,
    lateness: i64,
    windows: BTreeMap<(u8, i64), (Vec<u32>, u32)>,
}

impl Plain for PlainPanes {
    fn arrive(&mut self, (key, at, number): Event, watermark: i64) -> Vec<Emitted> {
        let (mut out, mut taken, mut any) = (vec![], false, false);
        for n in (at - self.length).div_euclid(self.slide)..=at.div_euclid(self.slide) {
            let (start, end) = (n * self.slide, n * self.slide + self.length);
            if !(start..end).contains(&at) {
                continue;
            }
            any = true;
            if end + self.lateness <= watermark {
                continue;
            }
            taken = true;
            let (records, revision) = self.windows.entry((key, start)).or_default();
            records.push(number);
            if end <= watermark {
                out.push(windowed(key, (start, end), *revision, records.clone()));
                *revision += 1;
            }
        }
        if any && !taken {
            out.push(Either::Right((key, at, number)));
        }
        out
    }

    fn advance(&mut self, watermark: i64) -> Vec<Emitted> {
        let length = self.length;
        let due = self.windows.iter_mut().filter(|((_, start), (_, r))| start + length <= watermark && *r == 0);
        let fire = |((key, start), (records, revision)): (&(u8, i64), &mut (Vec<u32>, u32))| {
            *revision = 1;
            windowed(*key, (*start, start + length), 0, records.clone())
        };
        due.map(fire).collect()
    }
}

struct PlainSession {
    key: u8,
    first: i64,
    last: i64,
    revision: u32,
    is_open: bool,
    records: Vec<u32>,
}

/// A list of sessions, searched from end to end.
struct PlainSessions {
    gap: i64,
    lateness: i64,
    sessions: Vec<PlainSession>,
}

impl Plain for PlainSessions {
    fn arrive(&mut self, (key, at, number): Event, watermark: i64) -> Vec<Emitted> {
        let gap = self.gap;
        let touches = |s: &PlainSession| s.key == key && at <= s.last + gap && at + gap >= s.first;
        let (touched, others) = std::mem::take(&mut self.sessions).into_iter().partition(touches);
        self.sessions = others;
        let touched: Vec<PlainSession> = touched;
        if touched.is_empty() && at + gap + self.lateness < watermark {
            return vec![Either::Right((key, at, number))];
        }
        let mut one = PlainSession { key, first: at, last: at, revision: 0, is_open: true, records: vec![number] };
        for other in touched {
            one.first = one.first.min(other.first);
            one.last = one.last.max(other.last);
            one.revision = one.revision.max(other.revision);
            one.records.extend(other.records);
        }
        self.sessions.push(one);
        self.fire(watermark)
    }

    fn advance(&mut self, watermark: i64) -> Vec<Emitted> {
        let out = self.fire(watermark);
        let closes = self.gap + self.lateness;
        self.sessions.retain(|s| s.is_open || s.last + closes >= watermark);
        out
    }
}

impl PlainSessions {
    fn fire(&mut self, watermark: i64) -> Vec<Emitted> {
        let gap = self.gap;
        let due = self.sessions.iter_mut().filter(|s| s.is_open && s.last + gap < watermark);
        let fire = |s: &mut PlainSession| {
            (s.is_open, s.revision) = (false, s.revision + 1);
            windowed(s.key, (s.first, s.last + gap), s.revision - 1, s.records.clone())
        };
        due.map(fire).collect()
    }
}

/// What was written by all snapshots so far.
#[derive(Default)]
struct Log(Vec<(u16, Option<u16>, Vec<u8>, Vec<u8>, Option<Vec<u8>>)>);

impl EntrySink for Log {
    fn put(&mut self, group: u16, column: u16, key: &[u8], sub: &[u8], value: &[u8]) {
        self.0.push((group, Some(column), key.into(), sub.into(), Some(value.into())));
    }
    fn delete(&mut self, group: u16, column: u16, key: &[u8], sub: &[u8]) {
        self.0.push((group, Some(column), key.into(), sub.into(), None));
    }
    fn delete_row(&mut self, group: u16, key: &[u8]) {
        self.0.push((group, None, key.into(), vec![], None));
    }
}

/// One operator without a job around it.
struct Bench<W> {
    memory: Memory<u8>,
    windows: W,
    agenda: Agenda,
    late: LateLog,
    out: Batch<Emitted>,
    hasher: KeyHasher,
}

impl<F: Folding<u8, In = Event, Emitted = Emitted>, W: Windowing<u8, Folding = F>> Bench<W> {
    fn new(make: &impl Fn(&Rc<Cursor>) -> W, log: &Log, watermark: i64) -> Self {
        let cursor = Cursor::new();
        let (mut memory, mut windows, mut agenda) = (Memory::new(&cursor), make(&cursor), Agenda::default());
        let mut columns = windows.columns();
        let plan = Plan::new::<u8>(StoredState::of::<u8>(&columns), &columns, Unknown::Refuse).unwrap();
        for (group, column, key, sub, value) in &log.0 {
            let change = match (column, value) {
                (Some(column), Some(value)) => Change::Put { column: *column, key, sub, value },
                (Some(column), None) => Change::Delete { column: *column, key, sub },
                _ => Change::DeleteRow { key },
            };
            memory.restore(&mut columns, &plan, *group, change).unwrap();
        }
        memory.settle(&mut columns).unwrap();
        memory.for_each_slot(&mut |slot| {
            cursor.enter(slot);
            windows.plan(slot, Timestamp(watermark), &mut agenda);
        });
        let (late, out, hasher) = (LateLog::new("test"), Batch::default(), KeyHasher::default());
        Self { memory, windows, agenda, late, out, hasher }
    }

    fn arrive(&mut self, event: Event, watermark: i64) -> Vec<Emitted> {
        let slot = self.memory.resolve(self.hasher.hash(&event.0), &event.0);
        self.memory.cursor().enter(slot);
        let reach = self.windows.folding().reach(&event, Some(Timestamp(event.1))).unwrap();
        let (agenda, out, late) = (&mut self.agenda, &mut self.out, &mut self.late);
        let mut visit = Visit { slot, key: &event.0, watermark: Timestamp(watermark), agenda, out, late };
        self.windows.arrive(event, reach, &mut visit);
        self.end()
    }

    fn advance(&mut self, watermark: i64) -> Vec<Emitted> {
        self.turn(watermark, usize::MAX)
    }

    /// At most so many looks.
    fn turn(&mut self, watermark: i64, looks: usize) -> Vec<Emitted> {
        for _ in 0..looks {
            let Some(look) = self.agenda.pop(Timestamp(watermark)) else { break };
            let Some(key) = self.memory.key(look.slot) else { continue };
            self.memory.cursor().enter(look.slot);
            let (agenda, out, late) = (&mut self.agenda, &mut self.out, &mut self.late);
            let mut visit = Visit { slot: look.slot, key, watermark: Timestamp(watermark), agenda, out, late };
            self.windows.look(look, &mut visit);
        }
        self.end()
    }

    fn end(&mut self) -> Vec<Emitted> {
        self.memory.settle(&mut self.windows.columns()).unwrap();
        let times = self.out.times().to_vec();
        let out: Vec<Emitted> = self.out.drain().collect();
        for (emitted, at) in out.iter().zip(times) {
            let expected = match emitted {
                Either::Left(w) => w.end.0 - 1..w.end.0 + 1,
                Either::Right(event) => event.1..event.1 + 1,
            };
            assert!(expected.contains(&at.0), "{emitted:?} at {}", at.0);
        }
        out
    }

    fn snapshot(&mut self, log: &mut Log) {
        let mut columns = self.windows.columns();
        self.memory.freeze(&mut columns).unwrap();
        while !self.memory.encode(&mut columns, 10, log).unwrap() {}
        self.memory.durable(&mut columns);
    }
}

fn sorted(mut all: Vec<Emitted>) -> Vec<String> {
    let mut all: Vec<String> = all.drain(..).map(|e| format!("{e:?}")).collect();
    all.sort();
    all
}

/// Random records, watermarks and restarts; after each step both have emitted the same.
fn compare<F, W>(seed: u64, make: impl Fn(&Rc<Cursor>) -> W, mut plain: impl Plain) -> usize
where
    F: Folding<u8, In = Event, Emitted = Emitted>,
    W: Windowing<u8, Folding = F>,
{
    let mut random = Jitter::new(seed);
    let (mut log, mut watermark, mut late) = (Log::default(), i64::MIN, 0);
    let mut bench = Bench::new(&make, &log, watermark);
    let mut newest = -300;
    for step in 0..400 {
        let (ours, theirs) = match random.below(10) {
            0 => {
                watermark = watermark.max(newest - random.below(40) as i64);
                (bench.advance(watermark), plain.advance(watermark))
            }
            1 if random.below(3) == 0 => {
                bench.snapshot(&mut log);
                bench = Bench::new(&make, &log, watermark);
                (vec![], vec![])
            }
            _ => {
                newest += random.below(6) as i64;
                let event = (random.below(3) as u8, newest - random.below(60) as i64, step);
                (bench.arrive(event, watermark), plain.arrive(event, watermark))
            }
        };
        late += theirs.iter().filter(|e| matches!(e, Either::Right(_))).count();
        assert_eq!(sorted(ours), sorted(theirs), "seed {seed}, step {step}, watermark {watermark}");
    }
    assert_eq!(sorted(bench.advance(i64::MAX)), sorted(plain.advance(i64::MAX)), "seed {seed}, the end");
    assert!(bench.memory.is_empty(), "seed {seed}: nothing is left at the end");
    late
}

#[test]
fn tumbling_and_sliding_windows_are_those_of_a_plain_computation() {
    let mut late = 0;
    for (length, slide, lateness) in
        [(10, 10, 0), (10, 10, 25), (12, 4, 0), (12, 4, 15), (10, 4, 30), (7, 5, 0), (3, 8, 9)]
    {
        for seed in 0..40 {
            let shape = Panes::new(millis(length), millis(slide), millis(lateness));
            let (length, slide, lateness) = (length as i64, slide as i64, lateness as i64);
            let plain = PlainPanes { length, slide, lateness, windows: BTreeMap::new() };
            late += compare(seed, |cursor| PaneWindows::new(shape, numbers(), cursor), plain);
        }
    }
    assert!(late > 1000, "late records are tested: {late}");
}

#[test]
fn sessions_are_those_of_a_plain_computation() {
    let mut late = 0;
    for (gap, lateness) in [(0, 0), (3, 0), (3, 20), (8, 0), (8, 30)] {
        for seed in 0..60 {
            let shape = Gap::new(millis(gap), millis(lateness));
            let plain = PlainSessions { gap: gap as i64, lateness: lateness as i64, sessions: vec![] };
            late += compare(seed, |cursor| Sessions::new(shape, numbers(), cursor), plain);
        }
    }
    assert!(late > 1000, "late records are tested: {late}");
}

/// Records come while windows that are due wait for their turn: each is in the last result of its window, or late.
#[test]
fn records_between_two_turns_are_neither_lost_nor_counted_twice() {
    for (lateness, seed) in [0, 25].into_iter().flat_map(|lateness| (0..100).map(move |seed| (lateness, seed))) {
        let shape = Panes::new(millis(10), millis(10), millis(lateness));
        let make = |cursor: &Rc<Cursor>| PaneWindows::new(shape, numbers(), cursor);
        let (mut random, mut bench) = (Jitter::new(seed), Bench::new(&make, &Log::default(), i64::MIN));
        let (mut watermark, mut newest, mut all) = (i64::MIN, 0, vec![]);
        for number in 0..400 {
            newest += random.below(6) as i64;
            let event = (random.below(2) as u8, newest - random.below(60) as i64, number);
            all.extend(bench.arrive(event, watermark));
            if random.below(10) == 0 {
                watermark = watermark.max(newest - random.below(40) as i64);
            }
            all.extend(bench.turn(watermark, 1));
        }
        all.extend(bench.advance(i64::MAX));
        let (mut last, mut seen) = (BTreeMap::new(), vec![]);
        for emitted in all {
            match emitted {
                Either::Left(w) => match last.insert((w.key, w.start), w.clone()) {
                    None => assert_eq!(w.revision, 0, "{w:?}"),
                    Some(before) => assert_eq!(w.revision, before.revision + 1, "{w:?} after {before:?}"),
                },
                Either::Right((_, _, number)) => seen.push(number),
            }
        }
        seen.extend(last.into_values().flat_map(|w| w.value));
        seen.sort();
        assert!(seen.into_iter().eq(0..400), "lateness {lateness}, seed {seed}");
    }
}
