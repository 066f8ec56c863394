//! A sink that sleeps holds the sources back: what is in flight is bounded.
use millstream_operators::job::launch;
use millstream_operators::process_fn::Event;
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::run::Options;
use millstream_runtime::sink::{Sink, Staging, Writer, now};
use millstream_runtime::source::{Progress, Reader, Source, Splits};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// Bytes that are read and not yet written.
#[derive(Clone, Default)]
struct Flight(Arc<Counters>);

#[derive(Default)]
struct Counters {
    now: AtomicUsize,
    most: AtomicUsize,
    total: AtomicUsize,
}

/// Numbers without end, as fast as they are asked for, two splits.
struct Flood(Flight);

impl Source for Flood {
    type Split = u32;
    type Reader = FloodReader;
    fn splits(&mut self) -> Result<Splits<u32>> {
        Ok(Splits::Fixed(vec![0.into(), 1.into()]))
    }
    fn open(&self, _: &u32, from: Option<u64>) -> Result<FloodReader> {
        Ok(FloodReader { next: from.unwrap_or(0), flight: self.0.clone() })
    }
}

struct FloodReader {
    next: u64,
    flight: Flight,
}

impl Reader for FloodReader {
    type Item = u64;
    type Offset = u64;
    fn read(&mut self, batch: &mut Batch<u64>) -> Result<Progress> {
        while !batch.is_full() {
            batch.push(self.next);
            self.next += 1;
        }
        let Counters { now, most, total } = &*self.flight.0;
        total.fetch_add(batch.bytes(), Relaxed);
        most.fetch_max(now.fetch_add(batch.bytes(), Relaxed) + batch.bytes(), Relaxed);
        Ok(Progress::More)
    }
    fn offset(&self) -> u64 {
        self.next
    }
}

/// On worker 1 it sleeps before each batch; on worker 0 it is awake, so that the sources there go on.
#[derive(Clone)]
struct Bed {
    flight: Flight,
    sleep: Duration,
}

impl Sink<u64> for Bed {
    type Writer = Bed;
    fn open(&self, worker: usize, _: &[u64]) -> Result<Bed> {
        Ok(Bed { sleep: self.sleep * worker as u32, ..self.clone() })
    }
    fn commit(&self, _: u64) -> Staging<()> {
        now(Ok(()))
    }
}

impl Writer<u64> for Bed {
    type Committable = u64;
    fn write(&mut self, batch: &mut Batch<u64>) -> Result<()> {
        std::thread::sleep(self.sleep);
        let bytes = batch.drain().map(|n| size_of_val(&n)).sum();
        self.flight.0.now.fetch_sub(bytes, Relaxed);
        Ok(())
    }
    fn prepare(&mut self, _: u64) -> Staging<Vec<u64>> {
        now(Ok(vec![]))
    }
}

#[test]
fn a_sink_that_sleeps_bounds_what_is_in_flight() {
    let (folder, flight) = (tempfile::tempdir().unwrap(), Flight::default());
    let options = Options { workers: 2, ..Options::new("flood", folder.path().to_str().unwrap()) };
    let (status, to) = (Arc::clone(&options.status), flight.clone());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(Duration::from_secs(2));
            status.stop();
        });
        let launched = launch(&options, move |job| {
            let numbers = job.source("flood", Flood(to.clone())).key_by(|n| n % 100);
            let same = numbers.process_fn("same", |_, _: &mut u64, event, out| {
                if let Event::Record(n) = event {
                    out.emit(n);
                }
            });
            same.sink("bed", Bed { flight: to.clone(), sleep: Duration::from_millis(1) });
            Ok(())
        });
        launched.unwrap();
    });
    let [now, most, total] = [&flight.0.now, &flight.0.most, &flight.0.total].map(|n| n.load(Relaxed) >> 10);
    assert_eq!(now, 0, "everything that was read is written");
    // Four open epochs, the credit of the beginning, the sources of two workers.
    assert!(most <= 4 * (4 << 10) * 2, "{most} KiB in flight of {total} KiB read");
    // Without a bound, all but what the sleeper takes would be in flight: this job reads far more than that.
    assert!(total > most, "{total} KiB read, {most} KiB in flight");
}
