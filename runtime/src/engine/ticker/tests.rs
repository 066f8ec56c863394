//! The schedule alone, at instants of the test's choice.
use super::*;

const SLICE: Duration = Duration::from_millis(10);

/// A schedule and what it looks at: interval 1 is the first, slices of 10 ms, intervals of 100 ms, at most 3 open.
struct World {
    schedule: Schedule,
    view: View,
}

impl World {
    fn new() -> Self {
        let interval = Some(10 * SLICE);
        let pace = Pace { slice: SLICE, open_epochs: 3, interval, ..Pace::default() };
        let now = Instant::now();
        let view = View { now, seen: 0, settled: 0, over: false, asked: None };
        Self { schedule: Schedule::new(&pace, 1, 1, now, 0), view }
    }

    fn decide(&mut self) -> Decision {
        self.schedule.decide(&self.view)
    }

    /// A slice later, with everything seen but the open epoch.
    fn next(&mut self) -> Decision {
        self.view.now += SLICE;
        self.view.seen = self.schedule.current.unwrap_or(0);
        self.decide()
    }

    /// The same, with records read in it.
    fn busy(&mut self) {
        self.schedule.note_activity(self.view.now);
        self.next();
    }

    /// So many slices; gives the cuts among them.
    fn run(&mut self, slices: usize) -> Vec<u64> {
        let decisions: Vec<Decision> = (0..slices).map(|_| self.next()).collect();
        let cuts = decisions.iter().filter_map(|d| match d {
            Decision::Open(at, Some(_)) => Some(interval(*at) - 1),
            _ => None,
        });
        cuts.collect()
    }
}

#[test]
fn at_most_k_epochs_are_open() {
    let mut w = World::new();
    assert_eq!(w.decide(), Decision::Open(epoch(1, 0), None));
    assert_eq!(w.decide(), Decision::Wait(Some(SLICE)), "the slice is not over");
    w.view.now += SLICE;
    assert_eq!(w.decide(), Decision::Open(epoch(1, 1), None));
    w.view.now += SLICE;
    assert_eq!(w.decide(), Decision::Open(epoch(1, 2), None));
    w.view.now += SLICE;
    assert_eq!(w.decide(), Decision::Wait(None), "three are open: only a sink that moves helps");
    w.view.seen = epoch(1, 1);
    assert_eq!(w.decide(), Decision::Open(epoch(1, 3), None));
    w.view.now += SLICE;
    assert_eq!(w.decide(), Decision::Wait(None), "three are open again");
}

#[test]
fn a_cut_waits_until_the_checkpoint_before_it_is_settled() {
    let mut w = World::new();
    w.schedule.note_activity(w.view.now);
    assert_eq!(w.run(15), [1], "nothing is in flight before the first");
    w.schedule.note_activity(w.view.now);
    assert_eq!(w.run(30), Vec::<u64>::new(), "1 is not settled");
    w.view.asked = Some(Why::Savepoint);
    assert_eq!(w.run(3), Vec::<u64>::new(), "nor does a savepoint hurry it");
    w.view.settled = 1;
    assert_eq!(w.next(), Decision::Open(epoch(3, 0), Some(Why::Savepoint)));
}

#[test]
fn after_the_cut_of_a_stop_nothing_opens() {
    let mut w = World::new();
    w.run(3);
    w.view.asked = Some(Why::Stop);
    assert_eq!(w.next(), Decision::Open(epoch(2, 0), Some(Why::Stop)));
    w.view.settled = 1;
    w.view.over = true;
    assert_eq!(w.next(), Decision::Wait(None));
}

#[test]
fn the_job_ends_in_the_open_interval_once_the_one_before_is_settled() {
    let mut w = World::new();
    w.schedule.note_activity(w.view.now);
    assert_eq!(w.run(12), [1]);
    w.view.over = true;
    assert!(matches!(w.next(), Decision::Open(_, None)), "1 is in flight");
    w.view.settled = 1;
    assert_eq!(w.next(), Decision::End);
    assert_eq!(w.next(), Decision::Wait(None), "only once");
}

#[test]
fn the_end_waits_for_no_slice_and_no_open_epoch() {
    let mut w = World::new();
    for _ in 0..3 {
        w.decide();
        w.view.now += SLICE;
    }
    assert_eq!(w.decide(), Decision::Wait(None));
    w.view.over = true;
    assert_eq!(w.decide(), Decision::End);
}

#[test]
fn an_idle_job_takes_few_checkpoints() {
    let mut w = World::new();
    w.schedule.note_activity(w.view.now);
    assert_eq!(w.run(11).len(), 1);
    w.view.settled = 1;
    let idle_intervals = 2 * IDLE_INTERVALS as usize + 1;
    let mut cuts = vec![];
    for _ in 0..idle_intervals {
        cuts.extend(w.run(10));
        w.view.settled = cuts.last().copied().unwrap_or(1);
    }
    assert_eq!(cuts, [2, 3], "one each {IDLE_INTERVALS} intervals");
    w.schedule.note_activity(w.view.now);
    assert_eq!(w.run(11), [4], "at once when there is something");
}

#[test]
fn a_job_without_an_interval_cuts_when_asked_only() {
    let mut w = World::new();
    let pace = Pace { interval: None, ..w.schedule.pace.clone() };
    w.schedule = Schedule::new(&pace, 1, 1, w.view.now, 0);
    w.schedule.note_activity(w.view.now);
    assert_eq!(w.run(100), Vec::<u64>::new());
    w.view.asked = Some(Why::Savepoint);
    assert_eq!(w.next(), Decision::Open(epoch(2, 0), Some(Why::Savepoint)));
}

#[test]
fn credit_follows_the_sinks() {
    let mut w = World::new();
    for _ in 0..200 {
        w.busy();
    }
    assert_eq!(w.schedule.credit, CREDIT_MOST, "sinks keep up");
    for _ in 0..40 {
        w.schedule.note_activity(w.view.now);
        w.view.now += 6 * SLICE;
        w.view.seen = w.schedule.current.unwrap_or(0);
        w.decide();
    }
    assert_eq!(w.schedule.credit, CREDIT_LEAST, "sinks lag");
    w.busy();
    let mut before = w.schedule.credit;
    for _ in 0..10 {
        w.busy();
        assert!(w.schedule.credit > before);
        before = w.schedule.credit;
    }
}

#[test]
fn under_jitter_cuts_come_at_random_and_only_when_settled() {
    let mut w = World::new();
    let pace = Pace { jitter: Some(7), ..w.schedule.pace.clone() };
    w.schedule = Schedule::new(&pace, 1, 1, w.view.now, 0);
    assert_eq!(w.run(100).len(), 1);
    w.view.settled = 1;
    assert_eq!(w.run(100).len(), 1);
}

#[test]
fn a_sink_that_is_short_of_room_gets_its_cut_though_it_holds_the_open_epochs() {
    let mut w = World::new();
    (0..3).for_each(|_| {
        w.decide();
        w.view.now += SLICE;
    });
    assert_eq!(w.decide(), Decision::Wait(None), "three are open");
    w.view.asked = Some(Why::Interval);
    assert_eq!(w.decide(), Decision::Open(epoch(2, 0), Some(Why::Interval)));
    w.view.now += SLICE;
    assert_eq!(w.decide(), Decision::Wait(None), "interval 1 is not settled: no other cut");
}

#[test]
fn slices_grow_with_the_workers() {
    let (pace, now) = (Pace::default(), Instant::now());
    let slice = |workers| Schedule::new(&pace, workers, 1, now, 0).slice;
    assert_eq!([1, 16, 17, 64].map(slice), [1, 1, 2, 4].map(|times| pace.slice * times));
}
