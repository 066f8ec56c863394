//! The driver of a source: holds the epoch of its last tick, reads while the slice has credit, closes the slice at the
//! next tick.
use super::alarm::Alarm;
use super::credit::Credit;
use super::epoch::{DONE, Epoch, interval, low};
use super::fuel::Fuel;
use super::pace::Jitter;
use super::ports::{ParcelStream, Port, Ports};
use super::stage::{Next, Outputs};
use super::tick::{News, Report, Tick};
use super::worker::WorkerCx;
use crate::Result;
use crate::checkpoint::Section;
use crate::run::control::Event;
use crate::sight::standing::{Slowest, Standing};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::{Scope, StreamVec};

/// What a source is to its driver: its splits on this worker.
pub(crate) trait Splits: 'static {
    /// Takes on the splits that a tick brings for this source.
    fn start(&mut self, news: &News) -> Result<()>;
    /// What all splits of the source have promised, for each of its origins: those that are too far ahead wait.
    fn align(&mut self, promised: &[i64]);
    /// Reads one batch of one split, and says how many bytes it was and whether there may be more at once.
    fn read(&mut self, next: &mut Next, out: &mut Outputs) -> Result<ReadOnce>;
    /// What is promised at the end of a slice.
    fn report(&mut self) -> Report;
    /// The split with the least watermark, of those that hold it back.
    fn slowest(&self) -> Option<Slowest>;
    /// Where to go on.
    fn snapshot(&self) -> Result<Section>;
    /// Gives the readers something to wake the worker with.
    fn wake_by(&mut self, waker: crate::source::Waker);
}

/// What one read came to.
pub(crate) struct ReadOnce {
    pub bytes: u64,
    pub more: bool,
}

/// Idle splits are asked again after so long, if nothing wakes the source before; the longer they are idle the more rarely.
const POLL: Duration = Duration::from_millis(1);
const POLL_RARELY: Duration = Duration::from_millis(50);

/// Which source.
pub(crate) struct SourceSpec {
    pub uid: String,
    /// Its place among all operators of the graph.
    pub operator: usize,
    /// Its place among the sources.
    pub place: u32,
    pub outputs: usize,
}

/// Adds a source; gives its outputs and its reports.
pub(crate) fn source<'s>(
    cx: &WorkerCx,
    scope: Scope<'s, Epoch>,
    ticks: StreamVec<'s, Epoch, Tick>,
    spec: SourceSpec,
    mut splits: Box<dyn Splits>,
    next: Next,
) -> (Vec<ParcelStream<'s>>, StreamVec<'s, Epoch, Report>) {
    let mut builder = OperatorBuilder::new(format!("source {}", spec.uid), scope);
    let info = builder.operator_info();
    let sync = Arc::new(Mutex::new(scope.worker().sync_activator_for(info.address.to_vec())));
    splits.wake_by(Arc::new(move || {
        if let Ok(sync) = sync.lock() {
            let _ = sync.activate();
        }
    }));
    let mut input = builder.new_input(ticks, Pipeline);
    let (ports, streams) = Ports::add(&mut builder, spec.outputs);
    let (reports, report_stream) = Port::add(&mut builder);
    let ports_count = spec.outputs + 1;
    let when_there_is_room = scope.activator_for(info.address.clone());
    cx.backlog.add_source(move || when_there_is_room.activate());
    let mut driver = Driver {
        jitter: cx.jitter(spec.operator as u64),
        standing: cx.control.board.add(&spec.uid, cx.index),
        cx: cx.clone(),
        alarm: Alarm::new(scope.activator_for(info.address)),
        spec,
        splits,
        next,
        ports,
        reports,
        caps: None,
        credit: Credit::default(),
        poll: POLL,
    };
    builder.build(move |_initial| {
        move |frontiers| {
            let mut ticks = vec![];
            input.for_each(|cap, messages| {
                let caps =
                    |c: &timely::dataflow::operators::InputCapability<Epoch>| super::ports::retain_all(c, ports_count);
                ticks.extend(messages.drain(..).map(|tick| (caps(&cap), tick)));
            });
            driver.standing.enter();
            let frontier = low(frontiers);
            if let Err(e) = driver.run(ticks, frontier) {
                driver.cx.control.fail(&format!("source {:?}", driver.spec.uid), e);
                driver.caps = None;
            }
            driver.standing.leave(frontier, driver.holds());
        }
    });
    (streams, report_stream)
}

struct Driver {
    cx: WorkerCx,
    alarm: Alarm,
    spec: SourceSpec,
    /// For the lookout.
    standing: Arc<Standing>,
    splits: Box<dyn Splits>,
    next: Next,
    ports: Ports,
    reports: Port<Report>,
    /// The capabilities of the open slice: one for each output, the reports' last.
    caps: Option<Vec<Capability<Epoch>>>,
    credit: Credit,
    /// How long until an idle split is asked again.
    poll: Duration,
    jitter: Option<Jitter>,
}

impl Driver {
    fn run(&mut self, ticks: Vec<(Vec<Capability<Epoch>>, Tick)>, frontier: Epoch) -> Result<()> {
        for (caps, tick) in ticks {
            self.cx.control.note_cut(interval(tick.epoch).saturating_sub(1));
            self.close(interval(tick.epoch))?;
            self.caps = Some(caps);
            self.credit.begin(tick.credit);
            self.splits.align(tick.promised.get(self.spec.place as usize).map_or(&[], Vec::as_slice));
            for news in tick.news.iter().filter(|n| n.source == self.spec.place) {
                self.splits.start(news)?;
            }
        }
        if frontier == DONE {
            self.cx.control.note_cut(u64::MAX);
            self.close(u64::MAX)?;
        }
        if self.caps.is_some() { self.read() } else { Ok(()) }
    }

    /// The epoch of the open slice.
    fn holds(&self) -> Epoch {
        let caps = self.caps.as_ref().and_then(|caps| caps.first());
        caps.map_or(DONE, |cap| *cap.time())
    }

    /// Closes the open slice at the offset reached: the promise, and at the end of an interval the snapshot.
    fn close(&mut self, next_interval: u64) -> Result<()> {
        let Some(caps) = self.caps.take() else { return Ok(()) };
        let Some(cap) = caps.last() else { return Ok(()) };
        self.standing.note_slowest(|| self.splits.slowest());
        self.reports.send(cap, &mut vec![self.splits.report()]);
        let n = interval(*cap.time());
        if next_interval > n {
            let (operator, worker) = (self.spec.operator, self.cx.index);
            let sections = vec![self.splits.snapshot()?];
            let last = next_interval == u64::MAX;
            self.cx.tell(Event::Part { n, operator, worker, sections, marks: vec![], copy: None, last });
        }
        Ok(())
    }

    fn read(&mut self) -> Result<()> {
        let mut fuel = Fuel::full(&mut self.jitter);
        let mut more = true;
        while more && self.credit.is_left() && self.cx.backlog.has_room() && fuel.burn() {
            let read = self.splits.read(&mut self.next, &mut self.ports.out)?;
            self.credit.take(read.bytes);
            self.note(read.bytes > 0);
            more = read.more;
        }
        self.next.flush(&mut self.ports.out)?;
        if let Some(caps) = &self.caps {
            self.ports.send(caps);
        }
        if !more {
            self.alarm.ring_in(self.poll);
            self.poll = (self.poll * 2).min(POLL_RARELY);
        } else if self.credit.is_left() && self.cx.backlog.has_room() {
            self.alarm.ring();
        } // else the next tick brings credit, or the inboxes wake it
        Ok(())
    }

    /// The first record after idling asks for a tick.
    fn note(&mut self, any: bool) {
        if any && self.poll == POLL_RARELY {
            self.cx.control.wake_up();
        }
        if any {
            self.poll = POLL;
        }
    }
}

#[cfg(test)]
mod tests;
