//! The driver of every operator with state, and of sinks.
//!
//! It holds a capability at the end of the interval, so that a frontier past it proves that the snapshot was taken; it
//! processes records in the order of their arrival, except that those of the next interval wait for the snapshot.
use super::delaying::{HeldEpochs, Work};
use super::epoch::{DONE, Epoch, end, interval, low};
use super::fuel::Fuel;
use super::inbox::{Inbox, Letter};
use super::logic::{CopyHash, More, Turn};
use super::marks::Marks;
use super::pace::{Jitter, lags};
use super::ports::{ParcelStream, Ports, retain_all};
use super::stage::Next;
use super::tick::{Mark, Report, Tick};
use super::worker::{WorkerCx, waker_of};
use crate::Result;
use crate::parcel::Parcel;
use crate::run::control::Event;
use crate::run::failpoint;
use crate::sight::standing::Standing;
use crate::sink::Room;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::{Capability, InputCapability};
use timely::dataflow::{Scope, StreamVec};
use timely::scheduling::Activator;

/// Records that wait come first for so long between two turns of encoding a snapshot: they are not delayed by it as long
/// as the operator is less busy than four fifths of the time, and a snapshot of an operator that is always busy ends, too.
const RECORDS_FIRST: Duration = Duration::from_millis(2);

/// What an operator is wired to.
pub(crate) struct Wiring<'s> {
    pub uid: String,
    /// Its place among all operators of the graph.
    pub operator: usize,
    /// For each input the edges that carry it, and whether they cross workers.
    pub inputs: Vec<(Vec<ParcelStream<'s>>, bool)>,
    /// The marks of the reporters above it.
    pub marks: Vec<StreamVec<'s, Epoch, Mark>>,
    /// Ticks, where it works in processing time, or waits for the world.
    pub ticks: Option<StreamVec<'s, Epoch, Tick>>,
    pub outputs: usize,
}

type Drain<M> = Box<dyn FnMut(&mut dyn FnMut(InputCapability<Epoch>, &mut Vec<M>))>;

/// What leaves an operator: its outputs, of which there is at least one, so that it can be probed; and the reports of one
/// that waits for the world.
type Outgoing<'s> = (Vec<ParcelStream<'s>>, Option<StreamVec<'s, Epoch, Report>>);

/// Adds an operator.
pub(crate) fn operator<'s>(
    cx: &WorkerCx,
    scope: Scope<'s, Epoch>,
    wiring: Wiring<'s>,
    work: Work,
    marks: Marks,
    next: Next,
) -> Outgoing<'s> {
    let mut builder = OperatorBuilder::new(wiring.uid.clone(), scope);
    let info = builder.operator_info();
    let mut inputs: Vec<(usize, Drain<Parcel>)> = vec![];
    for (port, (streams, exchange)) in wiring.inputs.into_iter().enumerate() {
        for stream in streams {
            inputs.push((port, drain_of(&mut builder, stream, exchange)));
        }
    }
    let mut control: Vec<Drain<Mark>> = wiring.marks.into_iter().map(|s| drain_pipeline(&mut builder, s)).collect();
    let mut ticks: Option<Drain<Tick>> = wiring.ticks.map(|s| drain_pipeline(&mut builder, s));
    let outputs = wiring.outputs.max(1);
    let (ports, streams) = Ports::add(&mut builder, outputs);
    let is_delayed = matches!(work, Work::Delayed(_));
    let (epochs, reports) = is_delayed.then(|| HeldEpochs::add(&mut builder, cx.pace.plant)).unzip();
    let mut driver = Driver {
        jitter: cx.jitter(wiring.operator as u64),
        standing: cx.control.board.add(&wiring.uid, cx.index),
        inbox: Inbox::new(cx.first, cx.pace.plant, Rc::clone(&cx.backlog)),
        waker: waker_of(scope.worker().sync_activator_for(info.address.to_vec())),
        activator: scope.activator_for(info.address),
        cx: cx.clone(),
        uid: wiring.uid,
        operator: wiring.operator,
        work,
        marks,
        next,
        ports,
        epochs,
        has_results: false,
        hold: vec![],
        firing: None,
        snapshot: None,
        encode_again: Instant::now(),
        over: false,
    };
    let waker = driver.waker.clone();
    driver.work.logic().wake_by(Arc::new(move || waker.wake_by_ref()));
    builder.build(move |initial| {
        driver.hold = initial.iter().map(|cap| cap.delayed(&end(driver.cx.first))).collect();
        drop(initial);
        move |frontiers| {
            if lags(&mut driver.jitter, &driver.activator) {
                return;
            }
            for (port, input) in &mut inputs {
                input(&mut |cap, batches| driver.receive(&cap, *port, outputs, batches));
            }
            for input in &mut control {
                input(&mut |cap, marks| driver.marks.push_marks(*cap.time(), || retain_all(&cap, outputs), marks));
            }
            if let Some(input) = &mut ticks {
                input(&mut |cap, messages| {
                    for tick in messages.drain(..) {
                        driver.tick(&cap, &tick, outputs);
                    }
                });
            }
            driver.turn(low(frontiers));
        }
    });
    (streams, reports)
}

fn drain_of<'s>(builder: &mut OperatorBuilder<'s, Epoch>, stream: ParcelStream<'s>, exchange: bool) -> Drain<Parcel> {
    if !exchange {
        return drain_pipeline(builder, stream);
    }
    let mut input = builder.new_input(stream, Exchange::new(|parcel: &Parcel| parcel.target));
    Box::new(move |take| input.for_each(|cap, batches| take(cap, batches)))
}

fn drain_pipeline<'s, M: Clone + 'static>(
    builder: &mut OperatorBuilder<'s, Epoch>,
    stream: StreamVec<'s, Epoch, M>,
) -> Drain<M> {
    let mut input = builder.new_input(stream, Pipeline);
    Box::new(move |take| input.for_each(|cap, messages| take(cap, messages)))
}

struct Driver {
    cx: WorkerCx,
    activator: Activator,
    waker: Waker,
    uid: String,
    operator: usize,
    /// For the lookout.
    standing: Arc<Standing>,
    work: Work,
    inbox: Inbox,
    marks: Marks,
    next: Next,
    ports: Ports,
    /// Of an operator that waits for the world.
    epochs: Option<HeldEpochs>,
    /// Such an operator has more results at once.
    has_results: bool,
    /// At the end of the interval, on every output: what follows cannot pass it before the snapshot.
    hold: Vec<Capability<Epoch>>,
    /// The epoch whose timers are being fired.
    firing: Option<Vec<Capability<Epoch>>>,
    /// While a snapshot is being encoded.
    snapshot: Option<Cut>,
    /// While records wait, a snapshot gets its next turn then.
    encode_again: Instant,
    /// Behind the last interval.
    over: bool,
    jitter: Option<Jitter>,
}

/// What was so at the end of an interval: the next goes on meanwhile.
struct Cut {
    n: u64,
    marks: Vec<(u32, i64)>,
    copy: Option<CopyHash>,
}

impl Driver {
    fn receive(&mut self, cap: &InputCapability<Epoch>, port: usize, outputs: usize, batches: &mut Vec<Parcel>) {
        for batch in batches.drain(..) {
            self.inbox.push(*cap.time(), Letter { caps: retain_all(cap, outputs), port, batch });
        }
    }

    fn tick(&mut self, cap: &InputCapability<Epoch>, tick: &Tick, outputs: usize) {
        let at = *cap.time();
        self.marks.push_tick(at, || retain_all(cap, outputs), tick);
        if let Some(epochs) = self.epochs.as_mut().filter(|_| interval(at) >= self.inbox.interval) {
            epochs.push(at, retain_all(cap, outputs + 1));
        }
    }

    fn turn(&mut self, frontier: Epoch) {
        self.standing.enter();
        if let Err(e) = self.run(frontier) {
            self.cx.control.fail(&self.uid, e);
            self.hold.clear();
            self.over = true;
        }
        self.standing.leave(frontier, self.holds());
        self.standing.note_slowest(|| {
            let promise = self.epochs.as_ref().map(|_| self.work.promise(self.marks.watermark(), false))?;
            (promise < self.marks.watermark().0).then(|| (promise, "what is in flight".into()))
        });
    }

    /// The least epoch that is not over because of what is still to be done here.
    fn holds(&self) -> Epoch {
        let open = if self.over { DONE } else { end(self.inbox.interval) };
        let delayed = self.epochs.as_ref().and_then(HeldEpochs::first);
        let firing = self.firing.as_ref().and_then(|caps| caps.first()).map(|cap| *cap.time());
        let first = [self.marks.first(), delayed, firing].into_iter().flatten().fold(open, Epoch::min);
        self.inbox.low(first)
    }

    fn run(&mut self, frontier: Epoch) -> Result<()> {
        let mut fuel = Fuel::full(&mut self.jitter);
        while !self.over && self.may_emit() {
            self.process(&mut fuel)?;
            let low = self.inbox.low(frontier);
            self.close_epochs(low)?;
            self.emit_results()?;
            if self.firing.is_some() || !self.inbox.is_cut(low) {
                break;
            }
            self.cut(low)?;
        }
        let has_work = self.inbox.has_work() && self.takes_more();
        let runs_again = self.may_emit() && (has_work || self.firing.is_some() || self.has_results);
        if runs_again {
            self.activator.activate();
        }
        if self.over || !runs_again || Instant::now() >= self.encode_again {
            let had_snapshot = self.snapshot.is_some();
            self.encode()?;
            if had_snapshot && self.snapshot.is_none() {
                self.activator.activate(); // there may be room again for records that had to wait
            }
        }
        Ok(())
    }

    /// Records, in the order of their arrival. Those that wait hold their epochs, which holds back the sources.
    fn process(&mut self, fuel: &mut Fuel) -> Result<()> {
        while self.takes_more() && fuel.burn() {
            let Some(Letter { caps, port, batch }) = self.inbox.pop() else { break };
            self.call(&caps, |work, turn| work.logic().on_batch(port, batch, turn))?;
        }
        Ok(())
    }

    /// Whether there is room for another batch. Where it runs out in the open interval, the interval is asked to end; once
    /// it has, what belongs to it must go in.
    fn takes_more(&self) -> bool {
        let room = self.work.room();
        match room {
            Room::Plenty => true,
            Room::Busy => false,
            Room::Scarce | Room::Full if self.cx.control.has_cut(self.inbox.interval) => true,
            Room::Scarce | Room::Full => {
                self.cx.control.ask_for_room();
                room == Room::Scarce
            }
        }
    }

    /// Watermark and timers, stamped with the epoch that they belong to.
    fn close_epochs(&mut self, low: Epoch) -> Result<()> {
        loop {
            let caps = match self.firing.take() {
                Some(caps) => caps,
                None => match self.marks.pop(low, self.inbox.interval, self.cx.pace.plant) {
                    Some(caps) => caps,
                    None => return Ok(()),
                },
            };
            if self.call(&caps, |work, turn| work.logic().on_time(turn))? == More::Yes {
                self.firing = Some(caps);
                return Ok(());
            }
        }
    }

    /// Whether the operator may do anything: not while one that waits for the world has no epoch for its answers.
    fn may_emit(&self) -> bool {
        self.epochs.as_ref().is_none_or(|epochs| epochs.current(self.inbox.interval).is_some())
    }

    /// What the world has answered; then the epochs that are over.
    fn emit_results(&mut self) -> Result<()> {
        if self.epochs.is_none() {
            return Ok(());
        }
        let waker = self.waker.clone();
        let mut task = Context::from_waker(&waker);
        self.has_results = self.call(&[], |work, turn| work.poll_results(&mut task, turn))? == More::Yes;
        if self.firing.is_none() {
            self.advance_epochs(); // what fires meanwhile is older than the watermark that would be promised
        }
        Ok(())
    }

    fn advance_epochs(&mut self) {
        let Some(epochs) = &mut self.epochs else { return };
        let promise = || self.work.promise(self.marks.watermark(), self.marks.is_over());
        if self.over {
            epochs.close_all(promise());
        } else {
            epochs.advance(self.inbox.interval, promise);
        }
    }

    /// Calls the logic, and sends what it emits by the capabilities; of one that waits for the world by the last tick's.
    fn call<R>(
        &mut self,
        caps: &[Capability<Epoch>],
        f: impl FnOnce(&mut Work, &mut Turn<'_>) -> Result<R>,
    ) -> Result<R> {
        let (watermark, now) = (self.marks.watermark(), self.marks.now());
        let (is_timed, is_over) = (self.marks.is_timed(), self.marks.is_over());
        let mut turn = Turn { watermark, now, is_timed, is_over, next: &mut self.next, out: &mut self.ports.out };
        let result = f(&mut self.work, &mut turn)?;
        self.next.flush(&mut self.ports.out)?;
        let last = self.epochs.as_ref().map(|epochs| epochs.current(self.inbox.interval).unwrap_or_default());
        self.ports.send(last.unwrap_or(caps));
        Ok(result)
    }

    /// The end of an interval.
    fn cut(&mut self, low: Epoch) -> Result<()> {
        self.work.logic().freeze(self.inbox.interval)?;
        let marks = self.marks.applied().iter().map(|(origin, mark)| (*origin, *mark)).collect();
        self.snapshot = Some(Cut { n: self.inbox.interval, marks, copy: self.work.logic().copy_hash() });
        failpoint::hit("cut.after")?;
        self.over = low == DONE;
        if !self.over {
            self.inbox.advance();
            let at = end(self.inbox.interval);
            self.hold.iter_mut().for_each(|cap| cap.downgrade(&at));
        }
        self.advance_epochs();
        self.encode()
    }

    /// Encodes a slice of the snapshot; once it is whole, hands it to the coordinator. The last one lets go of the hold:
    /// timely shuts down an operator that has neither capability nor frontier.
    fn encode(&mut self) -> Result<()> {
        if self.snapshot.is_none() {
            return Ok(());
        }
        let mut task = Context::from_waker(&self.waker);
        let encoded = self.work.logic().poll_snapshot(&mut task, self.over);
        self.encode_again = Instant::now() + RECORDS_FIRST;
        let Poll::Ready(sections) = encoded else { return Ok(()) };
        let Some(Cut { n, marks, copy }) = self.snapshot.take() else { return Ok(()) };
        failpoint::hit("snapshot.after")?;
        let (operator, worker) = (self.operator, self.cx.index);
        self.cx.tell(Event::Part { n, operator, worker, sections: sections?, marks, copy, last: self.over });
        if self.over {
            self.hold.clear();
        }
        Ok(())
    }
}
