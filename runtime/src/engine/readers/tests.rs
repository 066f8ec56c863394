//! Which splits are read, where they wait for each other. No ticker, no timely: what is promised is what a test says.
use super::*;
use crate::engine::front::Fronts;
use crate::engine::stage::Stage;
use crate::source::Splits as Found;
use crate::time::{Watermark, millis};

/// Its splits give a batch of one record with each read, for ever: by split, how far each event time goes with it.
#[derive(Clone, Copy)]
struct Steps(&'static [[i64; 2]]);

struct Stepper {
    step: [i64; 2],
    at: i64,
}

impl Source for Steps {
    type Split = u32;
    type Reader = Stepper;
    fn splits(&mut self) -> Result<Found<u32>> {
        Ok(Found::Fixed(vec![]))
    }
    fn open(&self, split: &u32, _: Option<i64>) -> Result<Stepper> {
        Ok(Stepper { step: self.0[*split as usize], at: 0 })
    }
}

impl Reader for Stepper {
    type Item = [i64; 2];
    type Offset = i64;
    fn read(&mut self, batch: &mut Batch<[i64; 2]>) -> Result<Progress> {
        self.at += 1;
        batch.push(self.step.map(|step| step * self.at));
        Ok(Progress::More)
    }
    fn offset(&self) -> i64 {
        self.at
    }
}

/// Reads both event times.
struct Times(Vec<Rc<Assigner>>);

impl Stage for Times {
    fn push(&mut self, batch: Parcel, _: &mut Outputs) -> Result<()> {
        let batch: Batch<[i64; 2]> = batch.open()?;
        for (i, assigner) in self.0.iter().enumerate() {
            let times: Vec<_> = batch.iter().map(|times| Timestamp(times[i])).collect();
            assigner.observe(batch.split().unwrap_or_default(), &times);
        }
        Ok(())
    }
    fn flush(&mut self, _: &mut Outputs) -> Result<()> {
        Ok(())
    }
}

/// The splits of one worker, with the end of their stages.
struct Reading {
    readers: Readers<Steps>,
    next: Next,
}

impl Reading {
    /// With these splits, and for each event time how far they may run ahead.
    fn new(source: Steps, splits: &[u32], ahead: &[u64], front: Option<OwnFront>) -> Self {
        let aligned = |ahead: &u64| Rc::new(Assigner::new(Watermark::ascending().aligned(millis(*ahead))));
        let assigners: Vec<_> = ahead.iter().map(aligned).collect();
        let mut readers = Readers::new("steps", source, assigners.clone(), front, vec![]).unwrap();
        for split in splits {
            readers.add(*split, codec::encode(split).unwrap(), State::Waiting(None), &[]);
        }
        readers.align(&vec![i64::MIN; ahead.len()]);
        Self { readers, next: Box::new(Times(assigners)) }
    }

    /// Reads so often. Gives where each split has come.
    fn read(&mut self, times: usize) -> Vec<i64> {
        for _ in 0..times {
            self.readers.read(&mut self.next, &mut Outputs::default()).unwrap();
        }
        (0..self.readers.slots.len()).map(|i| self.readers.assigners[0].mark(i).0).collect()
    }
}

#[test]
fn a_worker_need_not_wait_for_a_tick_to_hear_of_another() {
    let (fronts, source) = (Fronts::default(), Steps(&[[10, 0], [1, 0]]));
    let mut fast = Reading::new(source, &[0], &[100], Some(fronts.own(0, 1, 0, 2)));
    let mut slow = Reading::new(source, &[1], &[100], Some(fronts.own(0, 1, 1, 2)));
    assert_eq!(fast.read(50), [10], "nothing is known of the slow one, which may be anywhere");
    assert_eq!(slow.read(1), [1]);
    assert_eq!(fast.read(50), [110], "by a batch more than allowed");
    slow.read(20);
    assert_eq!(fast.read(50), [130]);
    assert_eq!(slow.read(1000), [231], "it is the one ahead now");
}

#[test]
fn splits_of_other_processes_are_waited_for_by_what_ticks_say() {
    let fronts = Fronts::default();
    let mut fast = Reading::new(Steps(&[[10, 0]]), &[0], &[100], Some(fronts.own(0, 1, 0, 2)));
    assert_eq!(fast.read(50), [10]);
    fast.readers.align(&[500]);
    assert_eq!(fast.read(100), [610]);
}

/// Each is ahead in one event time and behind in the other.
#[test]
fn splits_never_wait_for_each_other_both() {
    let mut both = Reading::new(Steps(&[[10, 1], [1, 10]]), &[0, 1], &[20, 20], None);
    let mut come = vec![];
    for _ in 0..100 {
        come = both.read(10);
        let promised = both.readers.least(|_| true).collect::<Vec<_>>();
        both.readers.align(&promised);
    }
    assert!(come[0] > 4_000, "{come:?}");
}
