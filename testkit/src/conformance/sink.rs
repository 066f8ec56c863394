//! What every sink must do: nothing before the commit, all of it after, once however often it is committed.
use super::sample::Sample;
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::codec;
use millstream_runtime::sink::{Sink, StagedBy, Staging, Writer};
use std::marker::PhantomData;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

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
    let mut suite = Suite { make, committed, tokio: &tokio, expected: vec![], next: 0, of: PhantomData };
    if let Err(broken) = suite.judge() {
        panic!("sink_conforms: {broken}");
    }
}

struct Suite<'a, T, S, M, C> {
    make: M,
    committed: C,
    tokio: &'a Runtime,
    /// What must be visible.
    expected: Vec<T>,
    /// The next record.
    next: u64,
    of: PhantomData<fn() -> S>,
}

impl<T: Sample, S: Sink<T>, M: Fn() -> S, C: Fn() -> Result<Vec<T>>> Suite<'_, T, S, M, C> {
    fn judge(&mut self) -> Result<(), String> {
        self.visible("the destination is empty at first")?;
        let sink = (self.make)();
        let mut writers = [self.open(&sink, 0, &[])?, self.open(&sink, 1, &[])?];
        self.first_interval(&sink, &mut writers)?;
        let promised = self.crash_before_the_commit(&mut writers)?;
        drop(writers);
        let lost = self.restart_with(&promised)?;
        self.restart_without(&lost)
    }

    /// Prepared, committed, committed again, by two writers; then an interval without a record.
    fn first_interval(&mut self, sink: &S, writers: &mut [S::Writer; 2]) -> Result<(), String> {
        let mut written = vec![];
        for writer in writers.iter_mut() {
            written.extend(self.write(writer, 3)?);
        }
        let mut staged = vec![];
        for writer in writers.iter_mut() {
            staged.extend(self.prepare(writer, 1)?);
            self.visible("nothing is visible before its commit")?;
        }
        // What comes meanwhile belongs to the next interval.
        let next = self.write(&mut writers[0], 1)?;
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
    fn crash_before_the_commit(&mut self, writers: &mut [S::Writer; 2]) -> Result<Vec<StagedBy<S, T>>, String> {
        let mut written = vec![];
        let mut promised = vec![];
        for writer in writers.iter_mut() {
            written.extend(self.write(writer, 2)?);
            promised.extend(self.prepare(writer, 4)?);
        }
        self.write(&mut writers[0], 2)?; // lost with the crash
        self.expected.extend(written);
        Ok(promised)
    }

    /// Another attempt, with other writers, commits what was promised; then it stages an interval that nothing promises.
    fn restart_with(&mut self, promised: &[StagedBy<S, T>]) -> Result<Vec<StagedBy<S, T>>, String> {
        let sink = (self.make)();
        let mut writers =
            [self.open(&sink, 0, promised)?, self.open(&sink, 1, promised)?, self.open(&sink, 2, promised)?];
        self.commit(&sink, promised)?;
        self.visible("after a restart what the checkpoint promised is committed, and nothing else")?;
        self.commit(&sink, promised)?;
        self.visible("after a restart a commit may come twice, too")?;
        self.write(&mut writers[2], 2)?;
        self.prepare(&mut writers[2], 5)
    }

    /// A third attempt, from a checkpoint that promises nothing.
    fn restart_without(&mut self, lost: &[StagedBy<S, T>]) -> Result<(), String> {
        if lost.is_empty() {
            return Err(
                "law \"what was written is staged\": prepare promises nothing, though records were written".into()
            );
        }
        let sink = (self.make)();
        let mut writer = self.open(&sink, 0, &[])?;
        let law = "what was prepared and is in no checkpoint never becomes visible";
        self.visible(law)?;
        let written = self.write(&mut writer, 1)?;
        let staged = self.prepare(&mut writer, 6)?;
        self.expected.extend(written);
        self.commit(&sink, &staged)?;
        self.visible(law)
    }

    fn open(&self, sink: &S, worker: usize, staged: &[StagedBy<S, T>]) -> Result<S::Writer, String> {
        sink.open(worker, staged).map_err(|e| format!("open for worker {worker}: {e}"))
    }

    fn write(&mut self, writer: &mut S::Writer, records: u64) -> Result<Vec<T>, String> {
        let written: Vec<T> = (self.next..self.next + records).map(T::sample).collect();
        self.next += records;
        let mut batch = Batch::from(written.clone());
        writer.write(&mut batch).map_err(|e| format!("write: {e}"))?;
        Ok(written)
    }

    /// What is staged, as it comes back out of a checkpoint.
    fn prepare(&self, writer: &mut S::Writer, n: u64) -> Result<Vec<StagedBy<S, T>>, String> {
        let staged = self.wait(&format!("prepare({n})"), writer.prepare(n))?;
        let law = "law \"what is in a checkpoint comes back\"";
        codec::check_round_trip(&staged).map_err(|e| format!("{law}: what prepare({n}) gives: {e}"))?;
        codec::decode(&codec::encode(&staged)?)
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
