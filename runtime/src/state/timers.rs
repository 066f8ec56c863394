//! Timers: state like any other, with an order over all keys.
use super::agenda::Agenda;
use super::cell::Cell;
use super::column::{Column, Kind};
use super::cursor::{Cursor, Slot};
use super::shelf::{Shelf, is_readable, read_part};
use super::sorted::Sorted;
use super::table::Table;
use crate::codec;
use crate::data::{Schema, State, StoredSchema};
use crate::time::Timestamp;
use std::cmp::Ordering;
use std::marker::PhantomData;
use std::rc::Rc;

/// Which time a timer waits for. On disk: never renumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Domain {
    /// Event time: the watermark.
    Event = 0,
    /// Processing time: the time of the tick.
    Processing = 1,
}

/// A timer that fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due<M> {
    /// The key it was set for: enter it.
    pub slot: Slot,
    /// The time it was set to.
    pub at: Timestamp,
    /// What it carries.
    pub timer: M,
}

/// The timers of an operator: one for each (key, domain, time, payload). A column of its own, beside those of the state.
pub struct Timers<M: State>(Table<Alarms<M>>);

impl<M: State> Timers<M> {
    /// None yet. `cursor` is that of the state.
    pub fn new(cursor: &Rc<Cursor>) -> Self {
        // No field of a struct has this name.
        Self(Table::new("(timers)", None, cursor))
    }

    /// Sets a timer for the key at the cursor. One that is set already stays, and costs no write.
    pub fn set(&mut self, domain: Domain, at: Timestamp, timer: &M) {
        let Some(alarm) = self.alarm(domain, at, timer) else { return };
        if self.0.get(&alarm).is_none() {
            self.0.create(alarm, ());
            let shelves = &self.0.shelves;
            self.0.index[domain as usize].tidy(|at, slot| alarms(shelves, domain, at, slot).count());
        }
    }

    /// Takes a timer of the key at the cursor back, if it is set.
    pub fn cancel(&mut self, domain: Domain, at: Timestamp, timer: &M) {
        let Some(alarm) = self.alarm(domain, at, timer) else { return };
        let slot = self.0.cursor.must();
        self.0.remove(slot, &alarm);
    }

    /// When the next timer of a domain fires, over all keys.
    pub fn next_at(&self, domain: Domain) -> Option<Timestamp> {
        self.0.index[domain as usize].first_at().map(Timestamp)
    }

    /// The keys of the timers that fire next, at most so many; none where none is due at `up_to`. One that was cancelled may
    /// still be among them.
    pub fn upcoming(&mut self, domain: Domain, up_to: Timestamp, most: usize) -> impl Iterator<Item = Slot> {
        self.0.index[domain as usize].upcoming(up_to.0).take(most).map(Slot)
    }

    /// Takes the next timer that is due at `up_to` out. In order of time, then slot, then encoded payload; one at a
    /// time, because a timer that fires may set and cancel others.
    pub fn pop_due(&mut self, domain: Domain, up_to: Timestamp) -> Option<Due<M>> {
        let shelves = &self.0.shelves;
        let first = |at, slot| alarms(shelves, domain, at, slot).next().cloned();
        let (at, slot, alarm) = self.0.index[domain as usize].first(up_to.0, first)?;
        self.0.remove(Slot(slot), &alarm);
        match codec::decode(&alarm.payload) {
            Ok(timer) => Some(Due { slot: Slot(slot), at: Timestamp(at), timer }),
            Err(what) => self.refuse(what),
        }
    }

    /// How many timers are set, over all keys and both domains.
    pub fn len(&self) -> usize {
        self.0.size.cells
    }

    /// Whether none is set.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// As the backend sees it.
    pub fn column(&mut self) -> &mut dyn Column {
        &mut self.0
    }

    fn alarm(&self, domain: Domain, at: Timestamp, timer: &M) -> Option<Alarm> {
        match codec::encode(timer) {
            Ok(payload) => Some(Alarm { domain: domain as u8, at: at.0, payload }),
            Err(what) => self.refuse(what),
        }
    }

    /// User code gets no result: the job stops when the batch is settled.
    fn refuse<T>(&self, what: String) -> Option<T> {
        self.0.cursor.fail(self.0.codec_error(what));
        None
    }
}

/// The timers of a key for one instant, in the order of their payloads.
fn alarms<M: State>(shelves: &[Alarms<M>], domain: Domain, at: i64, slot: u32) -> impl Iterator<Item = &Alarm> {
    let from = Alarm { domain: domain as u8, at, payload: Vec::new() };
    let alarms = shelves.get(slot as usize).map(|shelf| shelf.0.range(&(from..))).unwrap_or_default();
    alarms.map(|(alarm, _)| alarm).take_while(move |alarm| (alarm.domain, alarm.at) == (domain as u8, at))
}

/// Timers of one key. The sub-key is the domain (one byte), the time (milliseconds, big-endian, the sign bit flipped so
/// that bytes sort like times), and the encoded payload; the value is empty.
pub(super) struct Alarms<M>(Sorted<Alarm, Cell<(), ()>>, PhantomData<M>);

/// When a timer fires, and what with. Sorted by domain, time and payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Alarm {
    pub(super) domain: u8,
    pub(super) at: i64,
    pub(super) payload: Vec<u8>,
}

impl Ord for Alarm {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        let when = (self.domain, self.at).cmp(&(other.domain, other.at));
        // Most have no payload, and comparing bytes is a call.
        if when.is_ne() || (self.payload.is_empty() && other.payload.is_empty()) {
            return when;
        }
        self.payload.cmp(&other.payload)
    }
}

impl PartialOrd for Alarm {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<M> Default for Alarms<M> {
    fn default() -> Self {
        Self(Sorted::default(), PhantomData)
    }
}

impl<M: State> Shelf for Alarms<M> {
    type Sub = Alarm;
    type Item = ();
    type Stamp = ();
    /// By domain.
    type Index = [Agenda; 2];
    const KIND: Kind = Kind::Timers;

    fn get(&self, sub: &Alarm) -> Option<&Cell<(), ()>> {
        self.0.get(sub)
    }
    fn get_mut(&mut self, sub: &Alarm) -> Option<&mut Cell<(), ()>> {
        self.0.get_mut(sub)
    }
    fn put(&mut self, sub: Alarm, cell: Cell<(), ()>) {
        self.0.put(sub, cell);
    }
    fn remove(&mut self, sub: &Alarm) -> Option<Cell<(), ()>> {
        self.0.remove(sub)
    }
    fn len(&self) -> usize {
        self.0.len()
    }
    fn visit(&self, from: Option<&Alarm>, visitor: &mut dyn FnMut(&Alarm, &Cell<(), ()>) -> bool) {
        self.0.visit(from, visitor);
    }
    fn schemas() -> Vec<Schema> {
        vec![M::SCHEMA]
    }
    fn unreadable(stored: &[StoredSchema]) -> Option<usize> {
        // An operator without timers has the payload `()`; it may be given another as long as none is stored.
        let had_none = stored.first().is_some_and(|schema| schema.fingerprint == <()>::SCHEMA.fingerprint);
        (!had_none && !is_readable::<M>(stored, 0)).then_some(0)
    }
    fn encode_sub(sub: &Alarm, out: &mut Vec<u8>) -> Result<(), String> {
        out.push(sub.domain);
        out.extend_from_slice(&(sub.at as u64 ^ 1 << 63).to_be_bytes());
        out.extend_from_slice(&sub.payload);
        Ok(())
    }
    fn decode_sub(stored: &[StoredSchema], bytes: &[u8]) -> Result<Alarm, String> {
        let parts = bytes.split_first().and_then(|(domain, rest)| Some((*domain, rest.split_first_chunk::<8>()?)));
        let Some((domain @ (0 | 1), (at, payload))) = parts else { return Err("the bytes are no timer".into()) };
        let at = (u64::from_be_bytes(*at) ^ 1 << 63) as i64;
        Ok(Alarm { domain, at, payload: codec::encode(&read_part::<M>(stored, 0, payload)?)? })
    }
    fn encode_item((): &(), _: &mut Vec<u8>) -> Result<(), String> {
        Ok(())
    }
    fn decode_item(_: &[StoredSchema], bytes: &[u8]) -> Result<(), String> {
        if bytes.is_empty() { Ok(()) } else { Err("a timer has no value".into()) }
    }
    fn check(sub: &Alarm, (): &()) -> Result<(), String> {
        codec::check_round_trip(&codec::decode::<M>(&sub.payload)?)
    }
    fn added(index: &mut Self::Index, slot: u32, sub: &Alarm) {
        index[usize::from(sub.domain & 1)].add(sub.at, slot);
    }
    fn removed(index: &mut Self::Index, slot: u32, sub: &Alarm) {
        index[usize::from(sub.domain & 1)].remove(sub.at, slot);
    }
}
