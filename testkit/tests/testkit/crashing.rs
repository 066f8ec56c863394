//! The crash test passes what is right, and reports what is not.
use crate::jobs::{Event, events, everything, values};
use millstream_operators::Job;
use millstream_operators::aggregate::sum;
use millstream_operators::process_fn::Event as Happening;
use millstream_operators::window::Tumbling;
use millstream_runtime::Result;
use millstream_runtime::run::Plant;
use millstream_runtime::run::failpoint::PLACES;
use millstream_runtime::time::{Watermark, millis};
use millstream_testkit::{CrashTest, crash_test, graph, outside};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// What a test that must fail says.
fn report(test: CrashTest) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| test.run())).expect_err("the crash test finds nothing");
    panic.downcast_ref::<String>().cloned().expect("a text")
}

fn contains(report: &str, words: &[&str]) {
    words.iter().for_each(|word| assert!(report.contains(word), "{word}: {report}"));
}

#[test]
fn a_job_of_everything_is_exactly_once_wherever_it_is_killed() {
    let kills = crash_test(everything).feed("events", events(400)).feed_json("lines", values(400)).run_and_count();
    let missed: Vec<_> = PLACES.iter().filter(|place| !kills.contains_key(**place)).collect();
    assert!(missed.is_empty(), "no kill at {missed:?}: {kills:?}");
}

/// One split is three times as fast through event time as the other, and waits for it.
#[test]
fn splits_that_wait_for_each_other_are_exactly_once_wherever_they_are_killed() {
    let build = |job: &Job| -> Result<()> {
        let watermark = Watermark::bounded(millis(10)).aligned(millis(20));
        let timed = job.source("events", outside::<Event>()).event_time(|e| e.at, watermark);
        timed.clone().sink("all", outside());
        let windows = timed.key_by(|e| e.key).window(Tumbling::of(millis(30)));
        windows.aggregate("summed", sum(|e: &Event| e.number)).sink("sums", outside());
        Ok(())
    };
    let uneven = (0..400).map(|n| Event { key: n % 5, at: (n / 2 * (1 + n % 2 * 2)) as i64, number: n });
    crash_test(build).feed("events", uneven).run();
}

#[test]
fn a_global_variable_is_found() {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let build = |job: &Job| -> Result<()> {
        let numbered = job.source("events", outside::<Event>()).map(|e| (e.number, COUNTER.fetch_add(1, SeqCst)));
        numbered.sink("out", outside());
        Ok(())
    };
    let said = report(crash_test(build).feed("events", events(50)));
    contains(&said, &["a global variable", "sink \"out\": 50 records lost and 50 extra", "  lost: [0,"]);
}

#[test]
fn what_depends_on_the_order_of_splits_is_found_and_fits_one_split() {
    let build = |job: &Job| -> Result<()> {
        let keyed = job.source("events", outside::<Event>()).key_by(|e| e.key % 2);
        let numbered = keyed.process_fn("number", |_, seen: &mut u64, event, out| {
            if let Happening::Record(e) = event {
                *seen += 1;
                out.emit((e.number, *seen));
            }
        });
        numbered.sink("out", outside());
        Ok(())
    };
    let said = report(crash_test(build).feed("events", events(300)));
    contains(&said, &["order of records", ".splits(1)", "sink \"out\""]);
    crash_test(build).feed("events", events(300)).splits(1).runs(3).run();
}

/// Each breaks one rule of the protocol. The other plants may also hang the job, which takes a minute to be found.
#[test]
fn planted_bugs_of_the_runtime_are_found() {
    let planted =
        |plant| crash_test(everything).feed("events", events(400)).feed_json("lines", values(400)).plant(plant);
    for plant in [Plant::EarlyWatermark, Plant::NoWait] {
        let said = report(planted(plant).runs(12));
        contains(
            &said,
            &["sink \"", " records lost and ", "  extra: ", "this run alone: crash_test(build)...seed(1).only("],
        );
    }
    planted(Plant::None).only("commit.after", 2).run();
}

#[test]
fn a_source_that_is_not_fed_is_named_with_the_cure() {
    let said = report(crash_test(everything).feed("events", events(9)));
    contains(&said, &["source \"lines\" was not fed", ".feed_json("]);
    let said = report(crash_test(everything).feed("events", values(9).len()..9).feed_json("lines", values(9)));
    contains(&said, &["source \"events\" was fed another type", "Event`"]);
    let all = crash_test(everything).feed("events", events(9)).feed_json("lines", values(9)).feed("evnts", [1u8]);
    contains(&report(all), &["\"evnts\" was fed", "it has \"events\", \"lines\""]);
}

#[test]
fn a_job_that_fails_by_itself_is_reported() {
    let build = |job: &Job| -> Result<()> {
        let events = job.source("events", outside::<Event>());
        events.map(|e| if e.number == 20 { panic!("twenty") } else { e }).sink("out", outside());
        Ok(())
    };
    contains(&report(crash_test(build).feed("events", events(30))), &["does not finish", "twenty"]);
}

#[test]
fn mistakes_of_a_graph_are_all_said() {
    graph(everything).unwrap();
    let twice = |job: &Job| -> Result<()> {
        job.source("events", outside::<Event>()).sink("out", outside());
        job.source("events", outside::<Event>()).sink("out", outside());
        Ok(())
    };
    let said = graph(twice).unwrap_err();
    assert_eq!(said.lines().filter(|l| l.contains("\"events\"") || l.contains("\"out\"")).count(), 2, "{said}");
    assert_eq!(graph(|_| Err("no folder".into())).unwrap_err(), "no folder");
}
