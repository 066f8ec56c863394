//! The operators of the test's job.
use crate::cells::Cells;
use crate::job::World;
use crate::records::*;
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::checkpoint::{OperatorInfo, Section};
use millstream_runtime::graph::OperatorInit;
use millstream_runtime::logic::{Delayed, Logic, More, Turn};
use millstream_runtime::parcel::Parcel;
use millstream_runtime::run::{Jitter, Status, failpoint::Killed, mix};
use millstream_runtime::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Poll};

/// What an operator does with its cells.
pub trait Rules: 'static {
    fn record(&mut self, cells: &mut Cells, r: Rec, watermark: u64, out: &mut Vec<Rec>) -> Result<()>;
    fn time(&mut self, _cells: &mut Cells, _watermark: u64, _out: &mut Vec<Rec>) {}
    fn freeze(&mut self, _cells: &Cells) {}
}

/// [`Rules`] as a logic.
pub struct Ruled<R> {
    uid: String,
    cells: Cells,
    rules: R,
    world: Arc<World>,
    watermark: Timestamp,
}

fn rng(init: &OperatorInit<'_>, seed: u64) -> Jitter {
    let uid = init.uid.bytes().fold(0u64, |all, b| all * 31 + u64::from(b));
    Jitter::new(mix(seed ^ uid ^ ((init.worker as u64) << 50)))
}

fn since_start(watermark: Timestamp) -> u64 {
    u64::try_from(watermark.0).unwrap_or(0)
}

pub fn emit(out: Vec<Rec>, turn: &mut Turn<'_>) -> Result<()> {
    if out.is_empty() { Ok(()) } else { turn.emit(Parcel::new(Batch::from(out))) }
}

impl<R: Rules> Ruled<R> {
    pub fn boxed(init: &OperatorInit<'_>, seed: u64, world: &Arc<World>, rules: R) -> Result<Box<dyn Logic>> {
        let (uid, watermark, world) = (init.uid.to_string(), init.watermark, Arc::clone(world));
        let cells = Cells::open(init, rng(init, seed))?;
        if watermark != Timestamp::MIN && !world.frozen().contains(&(uid.clone(), watermark)) {
            world.torn.fetch_add(1, SeqCst); // the checkpoint's watermark is not of its cut
        }
        Ok(Box::new(Self { uid, cells, rules, world, watermark }))
    }
}

impl<R: Rules> Logic for Ruled<R> {
    fn on_batch(&mut self, _port: usize, batch: Parcel, turn: &mut Turn<'_>) -> Result<()> {
        let (mut batch, mut out): (Batch<Rec>, _) = (batch.open()?, vec![]);
        for r in batch.drain() {
            self.rules.record(&mut self.cells, r, since_start(turn.watermark), &mut out)?;
        }
        emit(out, turn)
    }

    fn on_time(&mut self, turn: &mut Turn<'_>) -> Result<More> {
        let mut out = vec![];
        self.watermark = turn.watermark;
        self.rules.time(&mut self.cells, since_start(turn.watermark), &mut out);
        emit(out, turn)?;
        Ok(More::No)
    }

    fn freeze(&mut self, _n: u64) -> Result<()> {
        self.rules.freeze(&self.cells);
        self.world.frozen().insert((self.uid.clone(), self.watermark));
        self.cells.freeze()
    }

    fn poll_snapshot(&mut self, task: &mut Context<'_>, hurry: bool) -> Poll<Result<Vec<Section>>> {
        self.cells.poll_snapshot(task, hurry)
    }

    fn info(&mut self) -> OperatorInfo {
        OperatorInfo::new(&self.uid, "rules")
    }
}

/// Counts by one key, and hands on.
pub struct StageA {
    pub ending: Ending,
}

/// How an attempt ends: after so many records on one worker.
#[derive(Clone)]
pub enum Ending {
    /// With the job.
    Never,
    Killed(u64),
    Stopped(u64, Arc<Status>),
}

impl Ending {
    fn count(&mut self) -> Result<()> {
        match self {
            Ending::Killed(0) => return Err(Box::new(Killed("a record"))),
            Ending::Stopped(0, status) => status.stop(),
            Ending::Killed(left) | Ending::Stopped(left, _) => *left -= 1,
            Ending::Never => {}
        }
        Ok(())
    }
}

impl Rules for StageA {
    fn record(&mut self, cells: &mut Cells, r: Rec, _watermark: u64, out: &mut Vec<Rec>) -> Result<()> {
        self.ending.count()?;
        let cell = cells.change((key_a(&r), 0));
        cell[0] += 1;
        if cell[0].is_multiple_of(10) {
            out.push((COUNT_A, key_a(&r), 0, cell[0], 0));
        }
        out.push((VIA, r.1, r.2, r.3, r.4));
        Ok(())
    }
}

/// Gets each record of the first source twice, directly and through stage A: at a snapshot it has both or none.
pub struct StageB {
    pub world: Arc<World>,
    pub is_over: bool,
}

impl Rules for StageB {
    fn record(&mut self, cells: &mut Cells, r: Rec, _watermark: u64, out: &mut Vec<Rec>) -> Result<()> {
        match r.0 {
            DIRECT => {
                let cell = cells.change((r.1, 0));
                cell[0] += 1;
                cell[1] = cell[1].wrapping_add(mix(r.4));
            }
            VIA => {
                let cell = cells.change((r.1, 0));
                cell[2] += 1;
                cell[3] = cell[3].wrapping_add(mix(r.4));
                if cell[2].is_multiple_of(10) {
                    out.push((COUNT_B, r.1, 0, cell[2], 0));
                }
                out.push(r);
            }
            SIDE => out.push(r),
            _ => {}
        }
        Ok(())
    }

    fn time(&mut self, cells: &mut Cells, watermark: u64, out: &mut Vec<Rec>) {
        if watermark == i64::MAX as u64 && !self.is_over {
            self.is_over = true;
            out.extend(cells.iter().map(|(cell, v)| (FINAL, cell.0, v[1], v[0], v[3])));
        }
    }

    fn freeze(&mut self, cells: &Cells) {
        if cells.iter().any(|(_, v)| v[0] != v[2] || v[1] != v[3]) {
            self.world.torn.fetch_add(1, SeqCst);
        }
    }
}

/// Sums by key and window of [`WINDOW_MS`].
pub struct Window {
    pub world: Arc<World>,
}

impl Rules for Window {
    fn record(&mut self, cells: &mut Cells, r: Rec, watermark: u64, _out: &mut Vec<Rec>) -> Result<()> {
        if !matches!(r.0, VIA | SIDE | ANSWER) {
            return Ok(());
        }
        let start = r.2 / WINDOW_MS * WINDOW_MS;
        if start + WINDOW_MS <= watermark {
            self.world.late.fetch_add(1, SeqCst);
        } else {
            let cell = cells.change((r.1, start));
            cell[0] += 1;
            cell[1] += r.3;
        }
        Ok(())
    }

    fn time(&mut self, cells: &mut Cells, watermark: u64, out: &mut Vec<Rec>) {
        let due = cells.take(|cell, _| cell.1 + WINDOW_MS <= watermark);
        if watermark < i64::MAX as u64 {
            self.world.in_time.fetch_add(due.len() as u64, SeqCst);
        }
        out.extend(due.into_iter().map(|((key, start), v)| (WINDOW, key, start, v[1], v[0])));
    }
}

/// So many calls in flight, and no more records come in.
const CALLS_MOST: usize = 20;

/// Calls the world for every fifth record of a kind; an answer is there after so many polls.
pub struct Calls {
    uid: String,
    takes: u8,
    /// By key and id: polls until the answer, event time, value.
    cells: Cells,
    jitter: Jitter,
}

impl Calls {
    pub fn boxed(init: &OperatorInit<'_>, seed: u64, takes: u8) -> Result<Box<dyn Delayed>> {
        let (cells, jitter) = (Cells::open(init, rng(init, seed))?, rng(init, seed + 1));
        Ok(Box::new(Self { uid: init.uid.into(), takes, cells, jitter }))
    }
}

impl Logic for Calls {
    fn on_batch(&mut self, _port: usize, batch: Parcel, _turn: &mut Turn<'_>) -> Result<()> {
        let mut batch: Batch<Rec> = batch.open()?;
        for r in batch.drain().filter(|r| r.0 == self.takes && answer(r).is_some()) {
            *self.cells.change((r.1, r.4)) = [self.jitter.below(60), r.2, r.3, 0];
        }
        Ok(())
    }

    fn freeze(&mut self, _n: u64) -> Result<()> {
        self.cells.freeze()
    }

    fn poll_snapshot(&mut self, task: &mut Context<'_>, hurry: bool) -> Poll<Result<Vec<Section>>> {
        self.cells.poll_snapshot(task, hurry)
    }

    fn info(&mut self) -> OperatorInfo {
        OperatorInfo::new(&self.uid, "calls")
    }
}

impl Delayed for Calls {
    fn poll_results(&mut self, task: &mut Context<'_>, turn: &mut Turn<'_>) -> Result<More> {
        let due = self.cells.take(|_, v| v[0] == 0);
        let waiting: Vec<_> = self.cells.iter().map(|(cell, _)| *cell).collect();
        for cell in &waiting {
            self.cells.change(*cell)[0] -= 1;
        }
        if !waiting.is_empty() {
            task.waker().wake_by_ref();
        }
        let answers = due.into_iter().filter_map(|((key, id), v)| answer(&(VIA, key, v[1], v[2], id)));
        emit(answers.collect(), turn)?;
        Ok(More::No)
    }

    fn oldest_in_flight(&self) -> Option<Timestamp> {
        self.cells.iter().map(|(_, v)| Timestamp::from(v[1])).min()
    }

    fn is_full(&self) -> bool {
        self.cells.iter().count() >= CALLS_MOST
    }
}
