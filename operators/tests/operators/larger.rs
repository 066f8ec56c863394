//! State larger than its memory: the process keeps near its budget, also while checkpoints are made and restored.
use millstream_operators::job::launch;
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::run::{Options, Outcome, Pace};
use millstream_runtime::sink::{Sink, Staging, Writer, now};
use millstream_runtime::source::{Progress, Reader, Source, Splits};
use millstream_runtime::state::{Scratch, StateBackend};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;
const BUDGET: u64 = 16 * MIB;
/// Six times the budget, as bytes of values.
const KEYS: u64 = 98_304;
const VALUE: usize = 1_000;
/// What a process may need beside the budget: itself, files on their way, what the allocator does not give back.
const BESIDE: u64 = 176 * MIB;
/// Records a second: of a source that reads what it can, much is in flight before it is held back.
const RATE: u64 = 100_000;

/// What the process of a test is told: its folder, how many records it is to read, how many checkpoints to make.
const FOLDER: &str = "MILLSTREAM_LARGER_FOLDER";
const RECORDS: &str = "MILLSTREAM_LARGER_RECORDS";
const CHECKPOINTS: &str = "MILLSTREAM_LARGER_CHECKPOINTS";

/// Numbers without end.
struct Numbers(Arc<AtomicU64>);

impl Source for Numbers {
    type Split = u32;
    type Reader = NumbersReader;
    fn splits(&mut self) -> Result<Splits<u32>> {
        Ok(Splits::Fixed(vec![0.into()]))
    }
    fn open(&self, _: &u32, from: Option<u64>) -> Result<NumbersReader> {
        Ok(NumbersReader { next: from.unwrap_or(0), read: Arc::clone(&self.0), began: Instant::now() })
    }
}

struct NumbersReader {
    next: u64,
    read: Arc<AtomicU64>,
    began: Instant,
}

impl Reader for NumbersReader {
    type Item = u64;
    type Offset = u64;
    fn read(&mut self, batch: &mut Batch<u64>) -> Result<Progress> {
        let due = self.began.elapsed().as_millis() as u64 * RATE / 1000;
        while !batch.is_full() {
            if self.read.load(Relaxed) > due {
                return Ok(Progress::Idle);
            }
            batch.push(self.next);
            self.next += 1;
            self.read.fetch_add(1, Relaxed);
        }
        Ok(Progress::More)
    }
    fn offset(&self) -> u64 {
        self.next
    }
}

struct Nowhere;

impl Sink<u64> for Nowhere {
    type Writer = Nowhere;
    fn open(&self, _: usize, _: &[u64]) -> Result<Nowhere> {
        Ok(Nowhere)
    }
    fn commit(&self, _: u64) -> Staging<()> {
        now(Ok(()))
    }
}

impl Writer<u64> for Nowhere {
    type Committable = u64;
    fn write(&mut self, _: &mut Batch<u64>) -> Result<()> {
        Ok(())
    }
    fn prepare(&mut self, _: u64) -> Staging<Vec<u64>> {
        now(Ok(vec![]))
    }
}

/// The most memory that this process has had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// What a process of the tests does. Without its variables there is nothing to do.
#[test]
fn as_a_process() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let told = |name: &str| std::env::var(name).unwrap().parse::<u64>().unwrap();
    let (records, checkpoints, before) = (told(RECORDS), told(CHECKPOINTS), peak());
    let folder = Path::new(&folder);
    let mut options = Options::new("larger", folder.join("state").to_string_lossy());
    options.pace = Pace { interval: Some(Duration::from_secs(1)), ..Pace::default() };
    options.state_backend = StateBackend::Disk(Scratch::new(folder.join("scratch"), BUDGET));
    let (read, status) = (Arc::new(AtomicU64::new(0)), Arc::clone(&options.status));
    let stopper = std::thread::spawn({
        let read = Arc::clone(&read);
        move || {
            let first = status.progress().checkpoint;
            while read.load(Relaxed) < records || status.progress().checkpoint < first + checkpoints {
                std::thread::sleep(Duration::from_millis(10));
            }
            status.stop();
        }
    });
    let shared = Arc::clone(&read);
    let ended = launch(&options, move |job| {
        let numbers = job.source("numbers", Numbers(Arc::clone(&shared)));
        let kept = numbers.key_by(|n| n % KEYS).process_fn("keep", |key, kept: &mut Vec<u8>, _, out| {
            *kept = vec![*key as u8; VALUE];
            if kept.is_empty() {
                out.emit(*key);
            }
        });
        kept.sink("out", Nowhere);
        Ok(())
    });
    assert_eq!(ended.unwrap(), Outcome::Stopped);
    stopper.join().unwrap();
    println!("\npeak {} {before}", peak());
}

/// Runs this test's program as a job in the folder; gives its peak of memory.
fn run(folder: &Path, records: u64, checkpoints: u64) -> u64 {
    let ran = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "larger::as_a_process", "--nocapture"])
        .env(FOLDER, folder)
        .env(RECORDS, records.to_string())
        .env(CHECKPOINTS, checkpoints.to_string())
        .output()
        .unwrap();
    let (said, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    let line = said.lines().find(|line| line.starts_with("peak ")).unwrap_or_else(|| panic!("{said}\n{err}"));
    println!("{line}");
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_process_keeps_near_its_budget_while_it_writes_checkpoints_and_while_it_restores() {
    let memory = Path::new("/dev/shm"); // where there is one: nothing here is about the disk itself
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let most = [(KEYS + KEYS / 2, 2), (1, 0)].map(|(records, checkpoints)| run(folder.path(), records, checkpoints));
    for (doing, peak) in ["it wrote checkpoints", "it restored"].iter().zip(most) {
        assert!(peak < BUDGET + BESIDE, "{doing}: at most {} MiB with a budget of {} MiB", peak / MIB, BUDGET / MIB);
    }
}
