//! Calls in flight are in the checkpoint: no answer is lost or doubled, wherever the process dies.
use crate::jobs::{Event, events};
use millstream_operators::aggregate::{count, sum};
use millstream_operators::window::Tumbling;
use millstream_operators::{Calls, Job};
use millstream_runtime::Result;
use millstream_runtime::run::Plant;
use millstream_runtime::time::{Watermark, millis};
use millstream_testkit::{CrashTest, crash_test, outside};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Each call takes its time, and every seventh fails; windows stand behind the answers.
fn calling(calls: Calls) -> impl Fn(&Job) -> Result<()> + Send + Sync + 'static {
    move |job| {
        let events = job.source("events", outside::<Event>()).event_time(|e| e.at, Watermark::bounded(millis(10)));
        let answers = events.async_map("calls", calls, async |event: &Event| {
            tokio::time::sleep(millis(event.number % 4)).await;
            match event.number % 7 {
                0 => Err("seven"),
                _ => Ok(event.clone()),
            }
        });
        let (answered, failed) = answers.apart();
        failed.sink("failed", outside());
        let totals = (count(), sum(|event: &Event| event.number));
        let windows = answered.clone().key_by(|event| event.key).window(Tumbling::of(millis(50)));
        windows.aggregate("totals", totals).sink("windows", outside());
        answered.sink("answered", outside());
        Ok(())
    }
}

fn test(calls: Calls) -> CrashTest {
    crash_test(calling(calls)).feed("events", events(300))
}

#[test]
fn calls_in_flight_survive_every_crash() {
    test(Calls::at_once(20)).run();
}

#[test]
fn calls_in_order_survive_every_crash() {
    test(Calls::at_once(20).ordered()).runs(12).run();
}

#[test]
fn answers_that_run_ahead_of_their_snapshot_are_found() {
    let found = catch_unwind(AssertUnwindSafe(|| test(Calls::at_once(20)).plant(Plant::AsyncAhead).runs(40).run()));
    let said = found.expect_err("the crash test finds nothing").downcast_ref::<String>().cloned().unwrap_or_default();
    assert!(said.contains("records lost and"), "{said}");
}
