//! What every sink must do: nothing before the commit, all of it after, once however often it is committed.
use super::sample::Sample;
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::codec;
use millstream_runtime::sink::{Sink, SinkName, StagedBy, Staging, Writer};
use std::marker::PhantomData;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::runtime::{Builder, Runtime};

/// Of so many records in a row some go to each worker, where the sink has lanes.
const DEALT_MOST: usize = 1000;
/// No step of a sink takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The suite that every sink passes: commit twice, prepare without commit, restart between, two writers. `make` makes the
/// sink, always over the same destination, which is empty at first; `committed` reads all that is visible there.
///
/// # Panics
/// Where the sink breaks a law; says which, and what was visible.
pub fn sink_conforms<T: Sample, S: Sink<T>>(make: impl Fn() -> S, committed: impl Fn() -> Result<Vec<T>>) {
    let tokio = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let tokio = tokio.unwrap_or_else(|e| panic!("sink_conforms: no thread for its work: {e}"));
    let _entered = tokio.enter(); // as a worker of a job does
    let mut suite = Suite {
        make,
        committed,
        tokio: &tokio,
        expected: vec![],
        next: 0,
        workers: 2,
        incarnation: incarnation(),
        of: PhantomData,
    };
    if let Err(broken) = suite.judge() {
        panic!("sink_conforms: {broken}");
    }
}

/// Another one for each run.
fn incarnation() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:032x}", now.as_nanos())
}

struct Suite<'a, T, S, M, C> {
    make: M,
    committed: C,
    tokio: &'a Runtime,
    /// What must be visible.
    expected: Vec<T>,
    /// The next record.
    next: u64,
    /// How many writers there are.
    workers: usize,
    /// Of the state folder that there would be: what an earlier run of the suite has left outside is not ours.
    incarnation: String,
    of: PhantomData<fn() -> S>,
}

impl<T: Sample, S: Sink<T>, M: Fn() -> S, C: Fn() -> Result<Vec<T>>> Suite<'_, T, S, M, C> {
    fn judge(&mut self) -> Result<(), String> {
        self.visible("the destination is empty at first")?;
        let sink = self.make();
        let mut writers = [self.open(&sink, 0, &[])?, self.open(&sink, 1, &[])?];
        self.first_interval(&sink, &mut writers)?;
        let promised = self.crash_before_the_commit(&sink, &mut writers)?;
        drop(writers);
        let lost = self.restart_with(&promised)?;
        self.restart_without(&lost)
    }

    /// Prepared, committed, committed again, by two writers; then an interval without a record.
    fn first_interval(&mut self, sink: &S, writers: &mut [S::Writer; 2]) -> Result<(), String> {
        let mut written = vec![];
        for (i, writer) in writers.iter_mut().enumerate() {
            written.extend(self.write(sink, writer, i, 3)?);
        }
        let mut staged = vec![];
        for writer in writers.iter_mut() {
            staged.extend(self.prepare(writer, 1)?);
            self.visible("nothing is visible before its commit")?;
        }
        // What comes meanwhile belongs to the next interval.
        let next = self.write(sink, &mut writers[0], 0, 1)?;
        self.expected.extend(written);
        self.commit(sink, &staged)?;
        self.visible("a commit makes all of its interval visible, and nothing else; two writers do not clash")?;
        self.commit(sink, &staged)?;
        self.visible("a commit may come twice")?;
        let staged = self.prepare(&mut writers[0], 2)?;
        self.expected.extend(next);
        self.commit(sink, &staged)?;
        self.visible("what is written after a prepare belongs to the next interval")?;
        for writer in writers.iter_mut() {
            let nothing = self.prepare(writer, 3)?;
            self.commit(sink, &nothing)?;
        }
        self.visible("an interval without a record commits nothing")
    }

    /// What the checkpoint promises, and behind it records that no checkpoint has.
    fn crash_before_the_commit(
        &mut self,
        sink: &S,
        writers: &mut [S::Writer; 2],
    ) -> Result<Vec<StagedBy<S, T>>, String> {
        let mut written = vec![];
        let mut promised = vec![];
        for (i, writer) in writers.iter_mut().enumerate() {
            written.extend(self.write(sink, writer, i, 2)?);
            promised.extend(self.prepare(writer, 4)?);
        }
        self.write(sink, &mut writers[0], 0, 2)?; // lost with the crash
        self.expected.extend(written);
        Ok(promised)
    }

    /// Another attempt, with other writers, commits what was promised; then it stages an interval that nothing promises.
    fn restart_with(&mut self, promised: &[StagedBy<S, T>]) -> Result<Vec<StagedBy<S, T>>, String> {
        self.workers = 3;
        let sink = self.make();
        let mut writers =
            [self.open(&sink, 0, promised)?, self.open(&sink, 1, promised)?, self.open(&sink, 2, promised)?];
        self.commit(&sink, promised)?;
        self.visible("after a restart what the checkpoint promised is committed, and nothing else")?;
        self.commit(&sink, promised)?;
        self.visible("after a restart a commit may come twice, too")?;
        self.write(&sink, &mut writers[2], 2, 2)?;
        self.prepare(&mut writers[2], 5)
    }

    /// A third attempt, from a checkpoint that promises nothing.
    fn restart_without(&mut self, lost: &[StagedBy<S, T>]) -> Result<(), String> {
        if lost.is_empty() {
            return Err(
                "law \"what was written is staged\": prepare promises nothing, though records were written".into()
            );
        }
        self.workers = 1;
        let sink = self.make();
        let mut writer = self.open(&sink, 0, &[])?;
        let law = "what was prepared and is in no checkpoint never becomes visible";
        self.visible(law)?;
        let written = self.write(&sink, &mut writer, 0, 1)?;
        let staged = self.prepare(&mut writer, 6)?;
        self.expected.extend(written);
        self.commit(&sink, &staged)?;
        self.visible(law)
    }

    /// The sink, told who it is, as a job does.
    fn make(&self) -> S {
        let mut sink = (self.make)();
        let (job, uid) = ("conformance".to_owned(), "sink".to_owned());
        sink.named(&SinkName { job, uid, incarnation: self.incarnation.clone(), workers: self.workers });
        sink
    }

    fn open(&self, sink: &S, worker: usize, staged: &[StagedBy<S, T>]) -> Result<S::Writer, String> {
        sink.open(worker, staged).map_err(|e| format!("open for worker {worker}: {e}"))
    }

    /// Writes the next records that go to this worker.
    fn write(&mut self, sink: &S, writer: &mut S::Writer, worker: usize, records: usize) -> Result<Vec<T>, String> {
        let (mut written, mut lanes) = (vec![], sink.lanes());
        for _ in 0..DEALT_MOST {
            let record = T::sample(self.next);
            self.next += 1;
            let goes_to = lanes.as_mut().map_or(worker as u64, |lanes| (lanes.record)(&record) % self.workers as u64);
            written.extend(Some(record).filter(|_| goes_to == worker as u64));
            if written.len() == records {
                break;
            }
        }
        let mut batch = Batch::from(written.clone());
        writer.write(&mut batch).map_err(|e| format!("write: {e}"))?;
        Ok(written)
    }

    /// What is staged, as it comes back out of a checkpoint.
    fn prepare(&self, writer: &mut S::Writer, n: u64) -> Result<Vec<StagedBy<S, T>>, String> {
        let staged = self.wait(&format!("prepare({n})"), writer.prepare(n))?;
        let law = "law \"what is in a checkpoint comes back\"";
        let mut small = staged.clone();
        let bulk: Vec<_> = small.iter_mut().filter_map(S::Writer::detach).collect();
        if !bulk.is_empty() && bulk.len() != staged.len() {
            return Err(format!("{law}: {} of {} committables have bulk, not all", bulk.len(), staged.len()));
        }
        codec::check_round_trip(&small).map_err(|e| format!("{law}: what prepare({n}) gives: {e}"))?;
        let mut back: Vec<StagedBy<S, T>> = codec::decode(&codec::encode(&small)?)?;
        for (staged, bulk) in back.iter_mut().zip(bulk) {
            S::Writer::attach(staged, vec![bulk.concat().into()]);
        }
        Ok(back)
    }

    fn commit(&self, sink: &S, staged: &[StagedBy<S, T>]) -> Result<(), String> {
        for staged in staged {
            self.wait("commit", sink.commit(staged.clone()))?;
        }
        Ok(())
    }

    fn wait<R>(&self, what: &str, staging: Staging<R>) -> Result<R, String> {
        let done = self.tokio.block_on(async { tokio::time::timeout(PATIENCE, staging).await });
        let done = done.map_err(|_| format!("{what}: not over after {PATIENCE:?}"))?;
        done.map_err(|e| format!("{what}: {e}"))
    }

    fn visible(&self, law: &str) -> Result<(), String> {
        let mut found = (self.committed)().map_err(|e| format!("what is visible cannot be read: {e}"))?;
        let mut expected = self.expected.clone();
        found.sort();
        expected.sort();
        if found == expected {
            return Ok(());
        }
        let json = |records: &[T]| serde_json::to_string(records).unwrap_or_else(|e| e.to_string());
        Err(format!("law {law:?}: visible is {}, expected is {}", json(&found), json(&expected)))
    }
}
