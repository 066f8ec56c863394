//! Windows as plain computations that keep every record.
use crate::stream::Either;
use crate::window::Windowed;
use millstream_runtime::time::Timestamp;
use std::collections::BTreeMap;

/// Key, event time, number.
pub type Event = (u8, i64, u32);
pub type Emitted = Either<Windowed<u8, Vec<u32>>, Event>;

/// What a plain computation does.
pub trait Plain {
    fn arrive(&mut self, event: Event, watermark: i64) -> Vec<Emitted>;
    /// Results in any order.
    fn advance(&mut self, watermark: i64) -> Vec<Emitted>;
}

fn windowed(key: u8, (start, end): (i64, i64), revision: u32, mut value: Vec<u32>) -> Emitted {
    value.sort();
    Either::Left(Windowed { key, start: Timestamp(start), end: Timestamp(end), revision, value })
}

/// Every window with all its records, for ever.
pub struct PlainPanes {
    pub length: i64,
    pub slide: i64,
    pub lateness: i64,
    pub windows: BTreeMap<(u8, i64), (Vec<u32>, u32)>,
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

pub struct PlainSession {
    key: u8,
    first: i64,
    last: i64,
    revision: u32,
    is_open: bool,
    records: Vec<u32>,
}

/// A list of sessions, searched from end to end.
pub struct PlainSessions {
    pub gap: i64,
    pub lateness: i64,
    pub sessions: Vec<PlainSession>,
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
