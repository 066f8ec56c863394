//! A source alone, on a worker of timely, held back by a backlog that the test makes.
use super::*;
use crate::checkpoint::{Body, SectionKind};
use crate::engine::backlog;
use crate::engine::discovery::Discovery;
use crate::engine::epoch::epoch;
use crate::engine::pace::{Pace, SystemClock};
use crate::engine::stage::Stage;
use crate::mesh::Outbox;
use crate::parcel::Parcel;
use crate::run::Status;
use crate::run::control::Control;
use crate::state::StateBackend;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;
use timely::dataflow::operators::Input;
use timely::worker::Worker;

/// Always has more, and counts how often it is asked.
struct Endless(Rc<Cell<u64>>);

impl Splits for Endless {
    fn slowest(&self) -> Option<Slowest> {
        None
    }
    fn start(&mut self, _: &News) -> Result<()> {
        Ok(())
    }
    fn align(&mut self, _: &[i64]) {}
    fn read(&mut self, _: &mut Next, _: &mut Outputs) -> Result<ReadOnce> {
        self.0.set(self.0.get() + 1);
        Ok(ReadOnce { bytes: 1, more: true })
    }
    fn report(&mut self) -> Report {
        Report { marks: vec![], idle: vec![], ended: vec![], read: 0 }
    }
    fn snapshot(&self) -> Result<Section> {
        Ok(Section { uid: "endless".into(), kind: SectionKind::Splits, body: Body::Whole(vec![]) })
    }
    fn wake_by(&mut self, _: crate::source::Waker) {}
}

/// The end of the stages.
struct Nowhere;

impl Stage for Nowhere {
    fn push(&mut self, _: Parcel, _: &mut Outputs) -> Result<()> {
        Ok(())
    }
    fn flush(&mut self, _: &mut Outputs) -> Result<()> {
        Ok(())
    }
}

fn context() -> WorkerCx {
    WorkerCx {
        job: Rc::from("job"),
        incarnation: Rc::from(""),
        index: 0,
        workers: 1,
        first: 1,
        start_now: 0,
        pace: Pace::default(),
        control: Arc::new(Control::new(0, Arc::default(), Arc::new(SystemClock), Outbox::new(vec![None]))),
        status: Arc::new(Status::default()),
        events: tokio::sync::mpsc::unbounded_channel().0,
        restored: None,
        drop_state: Rc::default(),
        state_backend: StateBackend::default(),
        seen: Rc::new(Cell::new(0)),
        backlog: Rc::default(),
        discovery: Rc::new(RefCell::new(Discovery::default())),
        discovered: Rc::default(),
        delaying: Rc::default(),
        activity: Rc::default(),
        ticker: Rc::default(),
        committers: Rc::default(),
    }
}

/// Whether the worker comes to rest: a source that calls itself again and again keeps it running.
fn parks(worker: &mut Worker) -> bool {
    let rest = Duration::from_millis(20);
    (0..200).any(|_| {
        let began = Instant::now();
        worker.step_or_park(Some(rest));
        began.elapsed() >= rest
    })
}

#[test]
fn a_source_that_is_held_back_parks_until_the_inboxes_have_room() {
    timely::execute_directly(|worker| {
        let (cx, reads) = (context(), Rc::new(Cell::new(0)));
        let mut ticks = worker.dataflow(|scope| {
            let (input, ticks) = scope.new_input::<Vec<Tick>>();
            let spec = SourceSpec { uid: "endless".into(), operator: 0, place: 0, outputs: 1 };
            source(&cx, scope, ticks, spec, Box::new(Endless(Rc::clone(&reads))), Box::new(Nowhere));
            input
        });
        (0..backlog::MOST).for_each(|_| cx.backlog.add());
        ticks.advance_to(epoch(1, 0));
        ticks.send(Tick { target: 0, epoch: epoch(1, 0), now: 0, credit: 1 << 20, news: vec![], promised: vec![] });
        ticks.advance_to(epoch(1, 1));
        assert!(parks(worker), "it spins");
        assert_eq!(reads.get(), 0);

        (0..backlog::MOST).for_each(|_| cx.backlog.remove());
        worker.step();
        assert!(reads.get() > 0, "nobody wakes it");
    });
}
