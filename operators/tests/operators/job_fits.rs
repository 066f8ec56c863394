//! What was stored under one definition and is asked for under another: refused by `check`, `plan` and `run` with a
//! sentence, or reported as migrated.
use crate::job_world::{Counting, Numbers, Sum, World};
use millstream_operators::aggregate::{Aggregate, count, sum};
use millstream_operators::job::Answer;
use millstream_operators::process_fn::Event;
use millstream_operators::window::{Kind, Session, Sliding, Tumbling};
use millstream_operators::{Job, Stream};
use millstream_runtime::data::State as Kept;
use millstream_runtime::time::{Timestamp, Watermark, millis};
use millstream_runtime::{Result, State};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A job over numbers, which ends in a sink.
trait Build: Fn(&Job, &Counting) -> Result<()> + Clone + Send + Sync + 'static {}
impl<F: Fn(&Job, &Counting) -> Result<()> + Clone + Send + Sync + 'static> Build for F {}

fn job(sum: Sum, middle: impl Fn(Stream<u64>) -> Stream<u64> + Clone + Send + Sync + 'static) -> impl Build {
    move |job, o| {
        middle(job.source("numbers", Numbers { end: o.up_to })).sink("sum", sum.clone());
        Ok(())
    }
}

/// Counts, or what else, in windows under the uid `w`.
fn windows<W: Kind + Copy + Send + Sync, A: Aggregate<u64, Out = u64>>(
    window: W,
    aggregate: impl Fn() -> A + Copy + Send + Sync + 'static,
) -> impl Fn(Stream<u64>) -> Stream<u64> + Copy + Send + Sync + 'static {
    move |numbers| {
        let timed = numbers.event_time(|n| Timestamp(*n as i64), Watermark::ascending());
        timed.key_by(|n| n % 3).window(window).aggregate("w", aggregate()).map(|w| w.value)
    }
}

/// A job in a world, of which a checkpoint is there and which has not ended.
fn stopped(build: impl Build) -> World {
    let world = World::new();
    world.status.stop();
    let answer = world.call_job(&[], build);
    assert!(answer.err.contains("stopped at checkpoint 1"), "{answer:?}");
    World { status: Arc::default(), ..world }
}

/// Every verb says the same.
fn refused(world: &World, build: impl Build, words: &[&str]) {
    let says = |answer: &Answer, text: &str| {
        words.iter().for_each(|word| assert!(text.contains(word), "{word:?} is not in {answer:?}"));
    };
    let check = world.call_job(&["check"], build.clone());
    assert!(check.code == 2 && check.out.contains("  cannot keep    "), "{check:?}");
    says(&check, &check.err);
    let run = world.call_job(&["--up-to", "10"], build.clone());
    assert_eq!(run.code, 2, "{run:?}");
    says(&run, &run.err);
    let plan = world.call_job(&["plan"], build);
    assert!(plan.code == 0 && plan.out.contains("  restore: refused\n"), "{plan:?}");
    says(&plan, &plan.out);
}

#[test]
fn state_of_other_windows_is_refused() {
    let minute = Tumbling::of(millis(60));
    let world = stopped(job(Sum::default(), windows(minute, count)));
    let fine = world.call_job(&["check"], job(Sum::default(), windows(minute, count)));
    assert!(fine.code == 0 && fine.out.contains("  keeps          \"w\"\n"), "{fine:?}");
    let anew = ["windows \"w\"", "--drop-state w"];
    let longer = job(Sum::default(), windows(Tumbling::of(millis(70)), count));
    refused(&world, longer, &[&anew[..], &["is of windows of 60ms", "has windows of 70ms"]].concat());
    let sliding = job(Sum::default(), windows(Sliding::of(millis(60), millis(20)), count));
    refused(&world, sliding, &[&anew[..], &["windows of 60ms every 20ms"]].concat());
    let session = job(Sum::default(), windows(Session::gap(millis(60)), count));
    refused(&world, session, &[&anew[..], &["sessions with gaps of 60ms"]].concat());
    let patient = job(Sum::default(), windows(minute.allowed_lateness(millis(5)), count));
    refused(&world, patient, &[&anew[..], &["0 ms", "5 ms", "are gone"]].concat());
    let summed = job(Sum::default(), windows(minute, || sum(|n: &u64| *n)));
    refused(&world, summed, &[&anew[..], &["is that of count", "it is sum"]].concat());
    let goes_on = world.call_job(&["--up-to", "10"], job(Sum::default(), windows(minute, count)));
    assert!(goes_on.code == 0 && goes_on.err.contains("counter has finished"), "{goes_on:?}");
}

#[test]
fn less_lateness_is_no_other_window() {
    let patient = Tumbling::of(millis(60)).allowed_lateness(millis(9));
    let world = stopped(job(Sum::default(), windows(patient, count)));
    let build = job(Sum::default(), windows(Tumbling::of(millis(60)), count));
    assert_eq!(world.call_job(&["check"], build.clone()).code, 0);
    assert_eq!(world.call_job(&["--up-to", "10"], build).code, 0);
}

#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Seen {
    count: u64,
}

#[derive(Clone, Default, Serialize, Deserialize, State)]
#[state(version = 2, from = Seen)]
struct SeenLater {
    count: u64,
    last: u64,
}

impl From<Seen> for SeenLater {
    fn from(old: Seen) -> Self {
        Self { count: old.count, last: 0 }
    }
}

/// Under the uid `seen`: a count for each key.
fn counted<S: Kept + Default>(numbers: Stream<u64>) -> Stream<u64> {
    numbers.key_by(|n| n % 3).process_fn("seen", |_, _: &mut S, event, out| {
        if let Event::Record(n) = event {
            out.emit(n);
        }
    })
}

#[test]
fn another_schema_is_reported_before_it_is_migrated_or_refused() {
    let world = stopped(job(Sum::default(), counted::<Seen>));
    let migrates = job(Sum::default(), counted::<SeenLater>);
    let check = world.call_job(&["check"], migrates.clone());
    assert!(check.code == 0 && check.out.contains("  migrates       \"seen\": `state`\n"), "{check:?}");
    let plan = world.call_job(&["plan"], migrates);
    assert!(plan.out.contains("restore: migrates its state: `state`\n"), "{plan:?}");
    let other = job(Sum::default(), counted::<String>);
    refused(&world, other, &["process_fn \"seen\"", "`Seen` version 1", "`String` version 1", "#[state(version = 2"]);
    let keyed = job(Sum::default(), |numbers| {
        let texts = numbers.key_by(|n| n.to_string());
        texts.process_fn("seen", |_, _: &mut Seen, event, out| {
            if let Event::Record(n) = event {
                out.emit(n);
            }
        })
    });
    refused(&world, keyed, &["process_fn \"seen\"", "the key was stored as `u64`"]);
}

#[test]
fn a_sink_that_took_the_uid_of_a_source_is_refused() {
    let world = stopped(job(Sum::default(), |numbers| numbers));
    let build = |job: &Job, _: &Counting| -> Result<()> {
        job.source("sum", Numbers { end: Some(1) }).sink("numbers", Sum::default());
        Ok(())
    };
    refused(&world, build, &["was a sink when the checkpoint was taken and is a source now", "--drop-state sum"]);
}

#[test]
fn the_sink_of_late_records_is_where_the_user_asked_for_it() {
    let answer = World::new().call_job(&["check"], |job, _: &Counting| {
        let numbers = job.source("numbers", Numbers { end: Some(1) });
        let timed = numbers.event_time(|n| Timestamp(*n as i64), Watermark::ascending());
        let windows = timed.key_by(|n| n % 3).window(Tumbling::of(millis(5)));
        let late_here = windows.late("numbers", Sum::default());
        late_here.aggregate("w", count()).map(|w| w.value).sink("sum", Sum::default());
        Ok(())
    });
    let line = line!() - 4;
    assert!(answer.err.contains(&format!("--> operators/tests/operators/job_fits.rs:{line}:")), "{answer:?}");
}
