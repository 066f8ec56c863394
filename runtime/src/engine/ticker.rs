//! Worker 0 opens the epochs. At most K are open between here and the slowest sink; at most one checkpoint is in flight;
//! a cut is nothing but the upper half of the epoch counted up.
use super::alarm::Alarm;
use super::epoch::{Epoch, epoch, interval};
use super::pace::{Jitter, Pace};
use super::tick::Tick;
use super::worker::WorkerCx;
use crate::run::control::{Event, Why};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::operators::{Capability, Exchange, generic::source};
use timely::dataflow::{Scope, StreamVec};
use timely::scheduling::Activator;

/// A slice's bytes for each source: the first guess, and the bounds within which it follows the speed of the sinks.
const CREDIT: u64 = 4 << 20;
const CREDIT_LEAST: u64 = 64 << 10;
const CREDIT_MOST: u64 = 64 << 20;

/// Decides when an epoch opens and when one is cut. Pure but for the instants that it is given.
pub(crate) struct Schedule {
    pace: Pace,
    /// How long a slice is with so many workers.
    slice: Duration,
    open: VecDeque<(Epoch, Instant)>,
    current: Option<Epoch>,
    first: u64,
    due: Instant,
    cut_due: Option<Instant>,
    halted: bool,
    /// Whether anything was read since the last cut.
    active: bool,
    idle_cuts: u32,
    /// Slices in a row in which nothing was read.
    quiet: u32,
    pub credit: u64,
    jitter: Option<Jitter>,
}

/// What the schedule looks at.
pub(crate) struct View {
    pub now: Instant,
    /// The slowest sink's frontier.
    pub seen: Epoch,
    /// The newest checkpoint that is durable, or given up.
    pub settled: u64,
    /// Every source has ended.
    pub over: bool,
    /// Somebody asks for a checkpoint.
    pub asked: Option<Why>,
}

/// What the schedule decides.
#[derive(Debug, PartialEq)]
pub(crate) enum Decision {
    /// Nothing before so long; none: until something moves.
    Wait(Option<Duration>),
    /// Opens an epoch; with a reason where it cuts the interval before.
    Open(Epoch, Option<Why>),
    /// The end of the job: the open interval is the last.
    End,
}

/// After so many slices without a record they are stretched so much: the first record ends that.
const QUIET_SLICES: u32 = 20;
const STRETCH: u32 = 10;

/// So many workers share the work of an epoch, messages to and from each, without a longer slice; with more it grows as
/// they do.
const FEW_WORKERS: usize = 16;

/// An idle job takes a checkpoint only every so many intervals.
const IDLE_INTERVALS: u32 = 60;

impl Schedule {
    pub fn new(pace: &Pace, workers: usize, first: u64, now: Instant, seed: u64) -> Self {
        let jitter = pace.jitter.map(|s| Jitter::new(s ^ seed));
        let cut_due = pace.interval.map(|i| now + i);
        Self {
            pace: pace.clone(),
            slice: pace.slice * u32::try_from(workers.div_ceil(FEW_WORKERS)).unwrap_or(u32::MAX).max(1),
            open: VecDeque::new(),
            current: None,
            first,
            due: now,
            cut_due,
            halted: false,
            active: false,
            idle_cuts: 0,
            quiet: 0,
            credit: CREDIT,
            jitter,
        }
    }

    /// Says that records have been read.
    pub fn note_activity(&mut self, now: Instant) {
        self.active = true;
        if self.quiet >= QUIET_SLICES {
            self.due = self.due.min(now);
        }
        self.quiet = 0;
    }

    pub fn decide(&mut self, view: &View) -> Decision {
        self.retire(view);
        if self.halted {
            return Decision::Wait(None);
        }
        let Some(current) = self.current else { return self.open(epoch(self.first, 0), None, view.now) };
        let free = view.settled + 1 >= interval(current);
        if free && view.over {
            self.halted = true;
            return Decision::End;
        }
        // A sink that is short of room holds the open epochs until the cut.
        let hurry = free && view.asked.is_some();
        if self.open.len() >= self.pace.open_epochs.max(2) && !hurry {
            return Decision::Wait(None);
        }
        if view.now < self.due && self.jitter.is_none() && !hurry {
            return Decision::Wait(Some(self.due - view.now));
        }
        let cut = if free { self.cut(view) } else { None };
        let next = if cut.is_some() { epoch(interval(current) + 1, 0) } else { current + 1 };
        self.halted = cut == Some(Why::Stop);
        self.open(next, cut, view.now)
    }

    /// Why the open interval ends now, if it does.
    fn cut(&mut self, view: &View) -> Option<Why> {
        if view.asked.is_some() {
            self.cut_due = self.pace.interval.map(|i| view.now + i);
            return view.asked;
        }
        let due = match &mut self.jitter {
            Some(jitter) => jitter.below(6) == 0,
            None => self.cut_due.is_some_and(|due| view.now >= due),
        };
        if !due {
            return None;
        }
        self.cut_due = self.pace.interval.map(|i| view.now + i);
        let idle = !self.active && self.jitter.is_none();
        self.idle_cuts = if idle { (self.idle_cuts + 1) % IDLE_INTERVALS } else { 0 };
        (!idle || self.idle_cuts == 0).then_some(Why::Interval)
    }

    fn open(&mut self, next: Epoch, cut: Option<Why>, now: Instant) -> Decision {
        self.active &= cut.is_none();
        self.current = Some(next);
        self.open.push_back((next, now));
        self.quiet = self.quiet.saturating_add(1);
        let stretch = if self.quiet > QUIET_SLICES { STRETCH } else { 1 };
        self.due = (self.due + self.slice * stretch).max(now);
        Decision::Open(next, cut)
    }

    /// The oldest epoch that not every sink has seen, and since when it is open.
    fn oldest(&self) -> Option<(Epoch, Instant)> {
        self.open.front().copied()
    }

    /// Forgets the epochs that every sink has seen, and learns from how long that took: sinks that lag shrink the credit,
    /// so that what is in flight stays worth a few slices of their time.
    fn retire(&mut self, view: &View) {
        while let Some((_, opened)) = self.open.front().filter(|(e, _)| *e < view.seen) {
            let (took, slice) = (view.now - *opened, self.slice);
            if self.quiet >= QUIET_SLICES {
                // Stretched slices say nothing of the sinks.
            } else if took > 5 * slice {
                self.credit = (self.credit / 2).max(CREDIT_LEAST);
            } else if took < 3 * slice {
                self.credit = (self.credit + self.credit / 8).min(CREDIT_MOST);
            }
            self.open.pop_front();
        }
    }
}

/// The stream of ticks, each on the worker it is for.
pub(crate) fn ticker<'s>(cx: &WorkerCx, scope: Scope<'s, Epoch>) -> StreamVec<'s, Epoch, Tick> {
    let cx = cx.clone();
    let ticks = source::<_, CapacityContainerBuilder<Vec<Tick>>, _, _>(scope, "ticker", move |cap, info| {
        let activator = scope.activator_for(info.address.clone());
        *cx.ticker.borrow_mut() = Some(scope.activator_for(info.address.clone()));
        let mut ticker = (scope.index() == 0).then(|| {
            cx.control.set_ticker(scope.worker().sync_activator_for(info.address.to_vec()));
            Ticker::new(cx.clone(), cap, activator)
        });
        move |out| {
            if let Some(ticker) = &mut ticker {
                for tick in ticker.run() {
                    if let Some(cap) = &ticker.cap {
                        out.session(cap).give(tick);
                    }
                }
            }
        }
    });
    ticks.exchange(|tick| tick.target)
}

struct Ticker {
    cx: WorkerCx,
    cap: Option<Capability<Epoch>>,
    alarm: Alarm,
    schedule: Schedule,
    now: i64,
}

impl Ticker {
    fn new(cx: WorkerCx, mut cap: Capability<Epoch>, activator: Activator) -> Self {
        cap.downgrade(&epoch(cx.first, 0));
        let schedule = Schedule::new(&cx.pace, cx.workers, cx.first, Instant::now(), 99);
        Self { now: cx.start_now, cx, cap: Some(cap), alarm: Alarm::new(activator), schedule }
    }

    /// The ticks to send, one for each worker, by the capability as it then is.
    fn run(&mut self) -> Vec<Tick> {
        if self.cap.is_none() {
            return vec![];
        }
        self.cx.take_discovered();
        if !self.cx.discovery.borrow().is_ready() {
            return vec![]; // the enumerator wakes us
        }
        let woken = self.cx.control.has_woken_up();
        if self.cx.activity.replace(0) > 0 || woken {
            self.schedule.note_activity(Instant::now());
        }
        let seen = self.cx.seen.get();
        let over = self.cx.discovery.borrow().is_over() && self.cx.delaying_are_over();
        let asked = self.cx.control.asked();
        let view = View { now: Instant::now(), seen, settled: self.cx.control.settled(), over, asked };
        let decision = self.schedule.decide(&view);
        self.cx.control.board.note_open(self.schedule.oldest());
        match decision {
            Decision::Open(next, cut) => self.open(next, cut),
            Decision::Wait(wait) => {
                if let Some(wait) = wait {
                    self.alarm.ring_in(wait);
                }
                vec![]
            }
            Decision::End => {
                self.cx.control.note_cut(u64::MAX);
                self.cap = None;
                vec![]
            }
        }
    }

    fn open(&mut self, next: Epoch, cut: Option<Why>) -> Vec<Tick> {
        if let Some(why) = cut {
            self.cx.control.taken(why);
            self.cx.control.note_cut(interval(next) - 1);
            self.cx.tell(Event::Cut { n: interval(next) - 1, why, now: self.now });
        }
        if let Some(cap) = &mut self.cap {
            cap.downgrade(&next);
        }
        self.now = self.now.max(self.cx.control.clock.now());
        let credit = if self.schedule.halted { 0 } else { self.schedule.credit };
        let news = self.cx.discovery.borrow_mut().announce(next);
        let promised = self.cx.discovery.borrow().promised();
        if self.cx.pace.jitter.is_some() {
            self.alarm.ring();
        } else {
            self.alarm.ring_in(self.schedule.due.saturating_duration_since(Instant::now()));
        }
        let for_worker = |target: u64| {
            let news = news.iter().filter(|n| n.worker == target).cloned().collect();
            Tick { target, epoch: next, now: self.now, credit, news, promised: promised.clone() }
        };
        (0..self.cx.workers as u64).map(for_worker).collect()
    }
}

#[cfg(test)]
mod tests;
