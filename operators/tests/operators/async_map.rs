//! Calls: capped, in order where that is asked for, given up in time, tried again.
use crate::job_world::Numbers;
use millstream_operators::job::launch;
use millstream_operators::{Calls, Job, Stream};
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::data::Data;
use millstream_runtime::run::Options;
use millstream_runtime::sink::{Sink, Staging, Writer, now};
use millstream_runtime::time::millis;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Notes what it is given.
struct Seen<T>(Arc<Mutex<Vec<T>>>);

impl<T: Data> Sink<T> for Seen<T> {
    type Writer = Self;
    fn open(&self, _: usize, _: &[()]) -> Result<Self> {
        Ok(Self(Arc::clone(&self.0)))
    }
    fn commit(&self, _: ()) -> Staging<()> {
        now(Ok(()))
    }
}

impl<T: Data> Writer<T> for Seen<T> {
    type Committable = ();
    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        self.0.lock().unwrap().extend(batch.drain());
        Ok(())
    }
    fn prepare(&mut self, _: u64) -> Staging<Vec<()>> {
        now(Ok(vec![]))
    }
}

/// What a job makes of 0 to 99.
fn results<T: Data>(make: impl Fn(Stream<u64>) -> Stream<T> + Send + Sync + 'static) -> Result<Vec<T>> {
    let folder = tempfile::tempdir()?;
    let all = Arc::new(Mutex::new(vec![]));
    let seen = Arc::clone(&all);
    let mut options = Options::new("calls", folder.path().join("state").to_str().unwrap());
    options.restarts.attempts = 0;
    launch(&options, move |job: &Job| {
        make(job.source("numbers", Numbers { end: Some(100) })).sink("seen", Seen(Arc::clone(&seen)));
        Ok(())
    })
    .map_err(|e| e.to_string())?;
    Ok(std::mem::take(&mut *all.lock().unwrap()))
}

async fn slow_when_even(n: u64) -> u64 {
    tokio::time::sleep(millis(if n.is_multiple_of(2) { 5 } else { 0 })).await;
    n
}

#[test]
fn answers_leave_in_the_order_of_their_records_where_that_is_asked_for() {
    let ask = |calls: Calls| {
        move |numbers: Stream<u64>| {
            numbers.async_map("ask", calls, async |n: &u64| Ok::<_, String>(slow_when_even(*n).await)).or_fail()
        }
    };
    let ordered = results(ask(Calls::at_once(10).ordered())).unwrap();
    assert_eq!(ordered, (0..100).collect::<Vec<_>>());
    let mut any = results(ask(Calls::at_once(10))).unwrap();
    assert_ne!(any, ordered, "a slow call holds no other back");
    any.sort_unstable();
    assert_eq!(any, ordered);
}

#[test]
fn no_more_calls_run_than_are_allowed() {
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    let made = results(move |numbers| {
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        let call = async move |n: &u64| {
            most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
            tokio::time::sleep(millis(1)).await;
            running.fetch_sub(1, SeqCst);
            Ok::<_, String>(*n)
        };
        numbers.async_map("ask", Calls::at_once(7), call).or_fail()
    });
    assert_eq!((made.unwrap().len(), seen.load(SeqCst)), (100, 7));
}

#[test]
fn a_call_that_takes_too_long_is_tried_again_and_then_given_up() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let began = Instant::now();
    let said = results(move |numbers| {
        let tries = Arc::clone(&counted);
        let call = async move |n: &u64| {
            if *n == 50 {
                tries.fetch_add(1, SeqCst);
                std::future::pending::<()>().await;
            }
            Ok::<_, String>(*n)
        };
        let calls = Calls::at_once(10).timeout(millis(20)).retries(2).backoff(millis(1));
        numbers.async_map("ask", calls, call).named("the scorer").or_fail()
    });
    let said = said.unwrap_err().to_string();
    assert!(said.contains("the scorer: a record: no answer in 20ms (tried 3 times)"), "{said}");
    assert_eq!(tries.load(SeqCst), 3);
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn what_fails_is_a_dead_letter_with_its_record() {
    let made = results(|numbers| {
        let call = async |n: &u64| if *n == 7 { Err("seven") } else { Ok(*n) };
        let (ok, failed) = numbers.async_map("ask", Calls::at_once(3), call).apart();
        ok.map(|n| n.to_string()).union(failed.map(|letter| format!("{}: {}", letter.raw, letter.reason)))
    });
    let made = made.unwrap();
    assert_eq!(made.len(), 100);
    assert!(made.contains(&"7: seven".to_string()) && !made.contains(&"7".to_string()));
}
