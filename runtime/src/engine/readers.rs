//! The splits of one source on one worker: which are open, where each stands, what each has promised.
use super::front::OwnFront;
use super::source::{ReadOnce, Splits};
use super::stage::{Assigner, Next, Outputs};
use super::tick::{News, Report};
use crate::batch::Batch;
use crate::checkpoint::{Body, Section, SectionKind};
use crate::codec;
use crate::parcel::Parcel;
use crate::sight::standing::Slowest;
use crate::source::{OffsetOf, Progress, Reader, Source, Waker};
use crate::time::Timestamp;
use crate::{BoxError, Result};
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// So many readers of a source are open at once on a worker; further splits wait their turn, and hold the watermark.
const OPEN_MOST: usize = 256;

/// A split as a checkpoint keeps it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct StoredSplit {
    /// The split, encoded.
    pub split: Vec<u8>,
    /// Where to go on, encoded; none where nothing was read.
    pub offset: Option<Vec<u8>>,
    pub ended: bool,
    /// What it has promised, for each origin of the source.
    pub marks: Vec<i64>,
}

/// See the module.
pub(crate) struct Readers<S: Source> {
    uid: String,
    source: S,
    slots: Vec<Slot<S>>,
    assigners: Vec<Rc<Assigner>>,
    newly_ended: Vec<Vec<u8>>,
    turn: usize,
    open: usize,
    read: u64,
    /// How many records the last batch had: so many the next one makes room for.
    usual: usize,
    waker: Option<Waker>,
    /// What all splits of the source have promised, for each origin; empty where none waits for others.
    promised: Vec<i64>,
    /// Where splits wait for each other.
    front: Option<OwnFront>,
}

struct Slot<S: Source> {
    split: S::Split,
    encoded: Vec<u8>,
    state: State<S>,
    idle: bool,
    /// Has nothing to read now.
    quiet: bool,
    /// Has given records since the last report: what they promise counts, though it is idle by now.
    fresh: bool,
}

enum State<S: Source> {
    Waiting(Option<OffsetOf<S>>),
    Open(Box<S::Reader>),
    Ended(Option<Vec<u8>>),
}

impl<S: Source> Readers<S> {
    /// The splits of a checkpoint that this worker goes on with. `assigners` are those of the source's stages.
    pub fn new(
        uid: &str,
        source: S,
        assigners: Vec<Rc<Assigner>>,
        front: Option<OwnFront>,
        restored: Vec<StoredSplit>,
    ) -> Result<Self> {
        let mut readers = Self {
            uid: uid.into(),
            source,
            slots: vec![],
            assigners,
            newly_ended: vec![],
            turn: 0,
            open: 0,
            read: 0,
            usual: 0,
            waker: None,
            promised: vec![],
            front,
        };
        for stored in restored {
            readers.restore(stored)?;
        }
        Ok(readers)
    }

    fn restore(&mut self, stored: StoredSplit) -> Result<()> {
        let at = |what: &str, e: String| format!("source {:?}: the checkpoint's {what} cannot be read: {e}", self.uid);
        let split = codec::decode(&stored.split).map_err(|e| at("split", e))?;
        let state = if stored.ended {
            State::Ended(stored.offset)
        } else {
            let offset = stored.offset.map(|o| codec::decode(&o)).transpose().map_err(|e| at("offset", e))?;
            State::Waiting(offset)
        };
        self.add(split, stored.split, state, &stored.marks);
        Ok(())
    }

    fn add(&mut self, split: S::Split, encoded: Vec<u8>, state: State<S>, marks: &[i64]) {
        for (i, assigner) in self.assigners.iter().enumerate() {
            assigner.add(Timestamp(marks.get(i).copied().unwrap_or(i64::MIN)));
        }
        self.slots.push(Slot { split, encoded, state, idle: false, quiet: false, fresh: false });
    }

    /// The next split that can be read, opening it if it waits and there is room.
    fn next_open(&mut self) -> Result<Option<usize>> {
        for _ in 0..self.slots.len() {
            self.turn = (self.turn + 1) % self.slots.len();
            let (room, is_ahead) = (self.open < OPEN_MOST, self.is_ahead(self.turn));
            let Some(slot) = self.slots.get_mut(self.turn) else { continue };
            match &mut slot.state {
                State::Open(_) if is_ahead => {}
                State::Open(_) => return Ok(Some(self.turn)),
                State::Waiting(from) if room => {
                    let mut reader = self.source.open(&slot.split, from.take()).map_err(|e| say(&self.uid, e))?;
                    if let Some(waker) = &self.waker {
                        reader.wake_by(waker.clone());
                    }
                    slot.state = State::Open(Box::new(reader));
                    self.open += 1;
                    return Ok(Some(self.turn));
                }
                State::Waiting(_) | State::Ended(_) => {}
            }
        }
        Ok(None)
    }

    /// Whether an open split waits for others, since its records are too far ahead of theirs. One that was idle when it was
    /// last read does not: it holds back no watermark, so what it has got meanwhile might come too late. Of several event
    /// times it must be ahead in each: else two splits would wait for each other, each ahead in another.
    fn is_ahead(&self, index: usize) -> bool {
        let is_open = |slot: &&Slot<S>| matches!(slot.state, State::Open(_)) && !slot.idle;
        let mut aligned = self.assigners.iter().zip(&self.promised).filter(|(a, _)| a.is_aligned()).peekable();
        self.slots.get(index).filter(is_open).is_some()
            && aligned.peek().is_some()
            && aligned.all(|(assigner, promised)| assigner.is_ahead(index, Timestamp(*promised)))
    }

    /// Where the splits of this process have come since the tick.
    fn look_around(&mut self) {
        let Some(front) = &self.front else { return };
        for (origin, promised) in self.promised.iter_mut().enumerate() {
            *promised = front.least(origin).max(*promised);
        }
    }

    /// Says to the other workers of the process where those of this one have come.
    fn tell(&self) {
        let Some(front) = &self.front else { return };
        self.least(Self::holds).enumerate().for_each(|(origin, mark)| front.note(origin, mark));
    }

    /// What these splits promise, for each origin; `i64::MAX` where there is none.
    fn least(&self, counts: fn(&Slot<S>) -> bool) -> impl Iterator<Item = i64> {
        self.assigners.iter().map(move |assigner| {
            let counted = self.slots.iter().enumerate().filter(|(_, slot)| counts(slot));
            counted.map(|(i, _)| assigner.mark(i).0).min().unwrap_or(i64::MAX)
        })
    }

    /// Whether the split holds back the watermark.
    fn holds(slot: &Slot<S>) -> bool {
        (slot.fresh || !slot.idle) && !matches!(slot.state, State::Ended(_))
    }

    fn end(&mut self, index: usize) -> Result<()> {
        let Some(slot) = self.slots.get_mut(index) else { return Ok(()) };
        if let State::Open(reader) = &slot.state {
            slot.state = State::Ended(Some(codec::encode(&reader.offset())?));
            self.open -= 1;
            self.newly_ended.push(slot.encoded.clone());
        }
        Ok(())
    }

    fn stored(&self, index: usize, slot: &Slot<S>) -> Result<StoredSplit> {
        let (offset, ended) = match &slot.state {
            State::Waiting(from) => (from.as_ref().map(codec::encode).transpose()?, false),
            State::Open(reader) => (Some(codec::encode(&reader.offset())?), false),
            State::Ended(offset) => (offset.clone(), true),
        };
        let marks = self.assigners.iter().map(|a| a.mark(index).0).collect();
        Ok(StoredSplit { split: slot.encoded.clone(), offset, ended, marks })
    }
}

impl<S: Source> Splits for Readers<S> {
    fn start(&mut self, news: &News) -> Result<()> {
        let split = codec::decode(&news.split)?;
        let from = news.start.as_ref().map(|start| codec::decode(start)).transpose()?;
        self.add(split, news.split.clone(), State::Waiting(from), &news.floors);
        Ok(())
    }

    /// A split that waits for a place must get it, and only splits that end make room: then none waits for others.
    fn align(&mut self, promised: &[i64]) {
        let waits = |slot: &Slot<S>| matches!(slot.state, State::Waiting(_));
        let is_crowded = self.open >= OPEN_MOST && self.slots.iter().any(waits);
        self.promised = if is_crowded { vec![] } else { promised.to_vec() };
        self.tell();
    }

    fn read(&mut self, next: &mut Next, out: &mut Outputs) -> Result<ReadOnce> {
        self.look_around();
        let Some(index) = self.next_open()? else { return Ok(ReadOnce { bytes: 0, more: false }) };
        let mut batch = Batch { split: Some(index as u32), ..Batch::default() };
        batch.reserve(self.usual);
        let Some(Slot { state: State::Open(reader), idle, quiet, fresh, .. }) = self.slots.get_mut(index) else {
            return Ok(ReadOnce { bytes: 0, more: false });
        };
        let progress = reader.read(&mut batch).map_err(|e| say(&self.uid, e))?;
        *idle = progress == Progress::Idle && batch.is_empty();
        *quiet = *idle || (progress == Progress::Waiting && batch.is_empty());
        *fresh |= !batch.is_empty();
        if progress == Progress::Ended {
            self.end(index)?;
        }
        let bytes = batch.bytes() as u64;
        self.usual = batch.len();
        self.read += batch.len() as u64;
        if !batch.is_empty() {
            next.push(Parcel::new(batch), out)?;
        }
        self.tell();
        let rests = |(at, s): (usize, &Slot<S>)| s.quiet || matches!(s.state, State::Ended(_)) || self.is_ahead(at);
        let all_quiet = self.slots.iter().enumerate().all(rests);
        Ok(ReadOnce { bytes, more: !all_quiet })
    }

    fn report(&mut self) -> Report {
        // An instance whose splits are all idle must not hold back those of other workers; where all instances say so,
        // what the idle ones have promised counts (`Discovery::publish`).
        let marks = self.least(Self::holds).collect();
        let idle = self.least(|s| !matches!(s.state, State::Ended(_))).collect();
        self.slots.iter_mut().for_each(|s| s.fresh = false);
        let (ended, read) = (std::mem::take(&mut self.newly_ended), std::mem::take(&mut self.read));
        Report { marks, idle, ended, read }
    }

    fn slowest(&self) -> Option<Slowest> {
        let mark = |at: usize| self.assigners.iter().map(|assigner| assigner.mark(at).0).min();
        let holding = self.slots.iter().enumerate().filter(|(_, slot)| Self::holds(slot));
        let (mark, slot) = holding.filter_map(|(at, slot)| Some((mark(at)?, slot))).min_by_key(|(mark, _)| *mark)?;
        Some((mark, format!("split {}", serde_json::to_string(&slot.split).unwrap_or_default())))
    }

    fn snapshot(&self) -> Result<Section> {
        let stored = self.slots.iter().enumerate().map(|(i, slot)| self.stored(i, slot));
        let stored = stored.collect::<Result<Vec<_>>>()?;
        let body = Body::Whole(codec::encode(&stored)?);
        Ok(Section { uid: self.uid.clone(), kind: SectionKind::Splits, body })
    }

    fn wake_by(&mut self, waker: Waker) {
        self.waker = Some(waker);
    }
}

fn say(uid: &str, e: BoxError) -> BoxError {
    format!("source {uid:?}: {e}").into()
}

#[cfg(test)]
mod tests;
