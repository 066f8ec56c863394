//! What is said of a graph with collections before any record flows.
use millstream_collections::ToCollection;
use millstream_operators::window::Tumbling;
use millstream_operators::{Job, Result};
use millstream_runtime::time::{Watermark, millis};
use millstream_testkit::{graph, outside};
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn event_time_ends_at_a_collection_and_the_mistake_says_so() {
    let build = |job: &Job| -> Result<()> {
        let timed =
            job.source("pairs", outside::<(u32, u32)>()).event_time(|p| i64::from(p.1), Watermark::bounded(millis(1)));
        let changes = timed.to_collection("kept").distinct().changes();
        let windows = changes.key_by(|change| change.value.0).window(Tumbling::of(millis(10)));
        windows.aggregate("counted", millstream_operators::aggregate::count()).sink("out", outside());
        Ok(())
    };
    let said = graph(build).unwrap_err();
    for words in ["needs event time", "changes", "put it before the collection"] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn a_plan_names_each_verb() {
    let job = Job::default();
    let pairs = job.source("pairs", outside::<(u32, u32)>()).to_collection("kept");
    let more = pairs.clone().iterate(3, |all| all.map(|(a, b)| (b, a)).distinct());
    pairs.join(more, |k, a, b| (*k, *a, *b)).changes().sink("out", outside());
    let plan = job.graph().plan(2, None);
    for name in ["to_collection \"kept\"", "iterate", "join", "changes"] {
        assert!(plan.contains(name), "{name}: {plan}");
    }
}

#[test]
fn a_loop_keeps_its_collections_to_itself() {
    let job = Job::default();
    let pairs = job.source("pairs", outside::<(u32, u32)>()).to_collection("kept");
    let inner = pairs.clone();
    let nested = catch_unwind(AssertUnwindSafe(|| drop(pairs.iterate(2, |all| all.iterate(2, |more| more)))));
    assert!(nested.unwrap_err().downcast_ref::<&str>().is_some_and(|said| said.contains("another one")));
    let leaked = catch_unwind(AssertUnwindSafe(|| {
        drop(inner.iterate(2, |all| {
            drop(all.clone().changes());
            all
        }));
    }));
    assert!(leaked.unwrap_err().downcast_ref::<&str>().is_some_and(|said| said.contains("only the loop's result")));
}
