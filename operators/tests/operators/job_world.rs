//! A job for tests: counts from zero into a sink that counts what is committed.
use millstream_operators::Job;
use millstream_operators::job::{Answer, Args, Around, call};
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::run::Status;
use millstream_runtime::sink::{Sink, Staging, Writer, now};
use millstream_runtime::source::{Progress, Reader, Source, Splits};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Counts from 0, to an end or for ever.
pub struct Numbers {
    pub end: Option<u64>,
}

impl Source for Numbers {
    type Split = u32;
    type Reader = NumbersReader;

    fn splits(&mut self) -> Result<Splits<u32>> {
        Ok(Splits::Fixed(vec![0.into()]))
    }

    fn open(&self, _: &u32, from: Option<u64>) -> Result<NumbersReader> {
        Ok(NumbersReader { next: from.unwrap_or(0), end: self.end })
    }
}

pub struct NumbersReader {
    next: u64,
    end: Option<u64>,
}

impl Reader for NumbersReader {
    type Item = u64;
    type Offset = u64;

    fn read(&mut self, batch: &mut Batch<u64>) -> Result<Progress> {
        for _ in 0..10 {
            if self.end.is_some_and(|end| self.next >= end) {
                return Ok(Progress::Ended);
            }
            batch.push(self.next);
            self.next += 1;
        }
        Ok(if self.end.is_some() { Progress::More } else { Progress::Idle })
    }

    fn offset(&self) -> u64 {
        self.next
    }
}

/// What is committed: how many numbers and their sum, by checkpoint and worker.
#[derive(Clone, Default)]
pub struct Sum(Arc<Mutex<Committed>>);

type Committed = BTreeMap<(u64, u64), (u64, u64)>;

impl Sum {
    /// How many numbers are committed, and their sum.
    pub fn total(&self) -> (u64, u64) {
        self.0.lock().unwrap().values().fold((0, 0), |(count, sum), (c, s)| (count + c, sum + s))
    }
}

pub struct SumWriter {
    worker: u64,
    count: u64,
    sum: u64,
}

impl Sink<u64> for Sum {
    type Writer = SumWriter;

    fn open(&self, worker: usize, _: &[(u64, u64, u64, u64)]) -> Result<SumWriter> {
        Ok(SumWriter { worker: worker as u64, count: 0, sum: 0 })
    }

    fn commit(&self, (n, worker, count, sum): (u64, u64, u64, u64)) -> Staging<()> {
        self.0.lock().unwrap().insert((n, worker), (count, sum));
        now(Ok(()))
    }
}

impl Writer<u64> for SumWriter {
    type Committable = (u64, u64, u64, u64);

    fn write(&mut self, batch: &mut Batch<u64>) -> Result<()> {
        for n in batch.drain() {
            self.count += 1;
            self.sum += n;
        }
        Ok(())
    }

    fn prepare(&mut self, n: u64) -> Staging<Vec<(u64, u64, u64, u64)>> {
        let (count, sum) = (std::mem::take(&mut self.count), std::mem::take(&mut self.sum));
        now(Ok(if count == 0 { vec![] } else { vec![(n, self.worker, count, sum)] }))
    }
}

/// The arguments of the test's job.
///
/// This comment must not become the command's.
#[derive(Clone, Debug, Default, PartialEq, clap::Args, Serialize, Deserialize)]
pub struct Counting {
    /// The first number that is not counted; none counts for ever.
    #[arg(long)]
    pub up_to: Option<u64>,
    #[arg(long)]
    pub label: Vec<String>,
    #[arg(long, default_value = "plain")]
    pub mode: String,
    #[arg(long)]
    pub twice: bool,
}

/// A job in a folder of its own.
pub struct World {
    pub folder: tempfile::TempDir,
    pub sum: Sum,
    pub status: Arc<Status>,
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, sum: Sum::default(), status: Arc::default() }
    }

    /// The state's location.
    pub fn state(&self) -> String {
        self.folder.path().join("state").to_str().unwrap().into()
    }

    /// A file of the test.
    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().into()
    }

    /// The counting job under these arguments, with its state in the folder.
    pub fn call(&self, argv: &[&str]) -> Answer {
        let sum = self.sum.clone();
        self.call_job(argv, move |job, o: &Counting| {
            job.source("numbers", Numbers { end: o.up_to }).sink("sum", sum.clone());
            Ok(())
        })
    }

    /// Any job under these arguments.
    pub fn call_job<A: Args>(
        &self,
        argv: &[&str],
        build: impl Fn(&Job, &A) -> Result<()> + Send + Sync + 'static,
    ) -> Answer {
        let state = self.state();
        let argv = ["counter"].iter().chain(argv).chain(&["--state", &state]).map(Into::into).collect::<Vec<_>>();
        call("counter", argv, Around { status: Arc::clone(&self.status), owns_process: false }, build)
    }

    /// The arguments that the job is given by these flags.
    pub fn arguments(&self, argv: &[&str]) -> Result<Counting, Answer> {
        let (seen, sum) = (Arc::new(Mutex::new(None)), self.sum.clone());
        let note = Arc::clone(&seen);
        let argv: Vec<&str> = ["plan"].iter().chain(argv).copied().collect();
        let answer = self.call_job(&argv, move |job, o: &Counting| {
            *note.lock().unwrap() = Some(o.clone());
            job.source("numbers", Numbers { end: o.up_to }).sink("sum", sum.clone());
            Ok(())
        });
        let seen = seen.lock().unwrap().take();
        seen.ok_or(answer)
    }
}
