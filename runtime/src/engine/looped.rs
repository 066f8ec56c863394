//! The driver of an operator with state inside a loop, whose times have rounds.
//!
//! As [`operator`](super::operator), it holds a capability at the end of the interval until its snapshot. Inside a loop that
//! capability comes back to its own input, so the input's frontier never passes the end of the interval. It need not: no
//! record has that very epoch, so a frontier that has reached it says that every record of the interval has gone round for
//! the last time. Whether what is outside the loop has taken its snapshot, or is over, says a second input, to which
//! nothing comes back.
use super::epoch::{DONE, Epoch, end};
use super::fuel::Fuel;
use super::inbox::{Inbox, Letter};
use super::logic::{Logic, Turn};
use super::pace::{Jitter, lags};
use super::ports::{ParcelStream, Ports, retain_all};
use super::stage::Next;
use super::worker::{WorkerCx, waker_of};
use crate::Result;
use crate::parcel::Parcel;
use crate::run::control::Event;
use crate::run::failpoint;
use crate::sight::standing::Standing;
use crate::time::Timestamp;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use timely::dataflow::Scope;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::{Capability, InputCapability};
use timely::order::Product;
use timely::progress::frontier::MutableAntichain;
use timely::scheduling::Activator;

/// The epoch, and how often a record has gone round.
pub(crate) type Round = Product<Epoch, u32>;

/// What such an operator is wired to.
pub(crate) struct LoopWiring<'s> {
    pub uid: String,
    /// Its place among all operators of the graph.
    pub operator: usize,
    /// Its records, which cross workers.
    pub records: ParcelStream<'s, Round>,
    /// Without records; its frontier is that of what enters the loop.
    pub outside: ParcelStream<'s, Round>,
    pub outputs: usize,
}

/// Adds an operator.
pub(crate) fn looped<'s>(
    cx: &WorkerCx,
    scope: Scope<'s, Round>,
    wiring: LoopWiring<'s>,
    logic: Box<dyn Logic>,
    next: Next,
) -> Vec<ParcelStream<'s, Round>> {
    let mut builder = OperatorBuilder::new(wiring.uid.clone(), scope);
    let info = builder.operator_info();
    let mut records = builder.new_input(wiring.records, Exchange::new(|parcel: &Parcel| parcel.target));
    let outputs = wiring.outputs.max(1);
    let (ports, streams) = Ports::add(&mut builder, outputs);
    let mut outside = builder.new_input_connection(wiring.outside, Pipeline, []);
    let mut driver = Driver {
        jitter: cx.jitter(wiring.operator as u64),
        standing: cx.control.board.add(&wiring.uid, cx.index),
        inbox: Inbox::new(cx.first, cx.pace.plant, Rc::clone(&cx.backlog)),
        waker: waker_of(scope.worker().sync_activator_for(info.address.to_vec())),
        activator: scope.activator_for(info.address),
        cx: cx.clone(),
        uid: wiring.uid,
        operator: wiring.operator,
        logic,
        next,
        ports,
        hold: vec![],
        snapshot: None,
        over: false,
    };
    builder.build(move |initial| {
        let first = Round::new(end(driver.cx.first), 0);
        driver.hold = initial.iter().map(|cap| cap.delayed(&first)).collect();
        drop(initial);
        move |frontiers| {
            if lags(&mut driver.jitter, &driver.activator) {
                return;
            }
            records.for_each(|cap, batches| driver.receive(&cap, outputs, batches));
            outside.for_each(|_, batches| batches.clear()); // there are none
            driver.turn(low(frontiers.first()), low(frontiers.get(1)));
        }
    });
    streams
}

/// The least epoch of an input, whatever the round.
fn low(frontier: Option<&MutableAntichain<Round>>) -> Epoch {
    frontier.and_then(|f| f.frontier().iter().map(|time| time.outer).min()).unwrap_or(DONE)
}

/// Whether everything of interval `n` is processed, where the least epoch inside the loop and outside are these.
fn is_cut(n: u64, inside: Epoch, outside: Epoch) -> bool {
    inside >= end(n) && outside > end(n)
}

struct Driver {
    cx: WorkerCx,
    activator: Activator,
    waker: Waker,
    uid: String,
    operator: usize,
    /// For the lookout.
    standing: Arc<Standing>,
    logic: Box<dyn Logic>,
    inbox: Inbox<Round>,
    next: Next,
    ports: Ports<Round>,
    /// At the end of the interval, on every output.
    hold: Vec<Capability<Round>>,
    /// The interval whose snapshot is being encoded.
    snapshot: Option<u64>,
    /// Behind the last interval.
    over: bool,
    jitter: Option<Jitter>,
}

impl Driver {
    fn receive(&mut self, cap: &InputCapability<Round>, outputs: usize, batches: &mut Vec<Parcel>) {
        for batch in batches.drain(..) {
            self.inbox.push(cap.time().outer, Letter { caps: retain_all(cap, outputs), port: 0, batch });
        }
    }

    fn turn(&mut self, inside: Epoch, outside: Epoch) {
        self.standing.enter();
        if let Err(e) = self.run(inside, outside) {
            self.cx.control.fail(&self.uid, e);
            self.hold.clear();
            self.over = true;
        }
        let holds = if self.over { DONE } else { self.inbox.low(end(self.inbox.interval)) };
        self.standing.leave(outside, holds);
    }

    fn run(&mut self, inside: Epoch, outside: Epoch) -> Result<()> {
        let mut fuel = Fuel::full(&mut self.jitter);
        while !self.over {
            self.process(&mut fuel)?;
            if !is_cut(self.inbox.interval, self.inbox.low(inside), outside) {
                break;
            }
            self.cut(outside == DONE)?;
        }
        if self.inbox.has_work() {
            self.activator.activate();
        }
        self.encode()
    }

    /// Records, in the order of their arrival.
    fn process(&mut self, fuel: &mut Fuel) -> Result<()> {
        while fuel.burn() {
            let Some(Letter { caps, port, batch }) = self.inbox.pop() else { break };
            let (watermark, now) = (Timestamp::MIN, Timestamp(self.cx.start_now));
            let (next, out) = (&mut self.next, &mut self.ports.out);
            let mut turn = Turn { watermark, now, is_timed: false, is_over: false, next, out };
            self.logic.on_batch(port, batch, &mut turn)?;
            self.next.flush(&mut self.ports.out)?;
            self.ports.send(&caps);
        }
        Ok(())
    }

    /// The end of an interval.
    fn cut(&mut self, is_last: bool) -> Result<()> {
        self.logic.freeze(self.inbox.interval)?;
        self.snapshot = Some(self.inbox.interval);
        failpoint::hit("cut.after")?;
        self.over = is_last;
        if !is_last {
            self.inbox.advance();
            let at = Round::new(end(self.inbox.interval), 0);
            self.hold.iter_mut().for_each(|cap| cap.downgrade(&at));
        }
        self.encode()
    }

    /// Encodes a slice of the snapshot; once it is whole, hands it to the coordinator. The last one lets go of the hold.
    fn encode(&mut self) -> Result<()> {
        let Some(n) = self.snapshot else { return Ok(()) };
        let mut task = Context::from_waker(&self.waker);
        let Poll::Ready(sections) = self.logic.poll_snapshot(&mut task, self.over) else { return Ok(()) };
        self.snapshot = None;
        failpoint::hit("snapshot.after")?;
        let (operator, worker, last) = (self.operator, self.cx.index, self.over);
        let copy = None;
        self.cx.tell(Event::Part { n, operator, worker, sections: sections?, marks: vec![], copy, last });
        if self.over {
            self.hold.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::epoch::epoch;

    #[test]
    fn an_interval_is_over_when_its_records_are_and_what_is_outside_has_passed_it() {
        assert!(!is_cut(3, epoch(3, 7), DONE), "a record still goes round");
        assert!(!is_cut(3, end(3), end(3)), "something above has not taken its snapshot");
        assert!(is_cut(3, end(3), epoch(4, 0)), "the holds of the loop's own operators do not count");
        assert!(is_cut(3, epoch(4, 0), DONE));
    }
}
