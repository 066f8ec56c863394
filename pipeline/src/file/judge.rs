//! What only the whole file shows: inputs, cycles, event time, delivery. Brings the nodes into the order in which they
//! are drawn.
use super::mistake::{Mistake, listed};
use super::order::sorted;
use super::pipeline::{Common, OnError, Pipeline};
use millstream_runtime::sink::Delivery;
use std::collections::{BTreeMap, BTreeSet};

/// A pipeline has at most so many nodes.
const MOST_NODES: usize = 1_000;

/// Every mistake in the pipeline as a whole.
pub(super) fn judge(pipeline: &mut Pipeline, file: &str) -> Vec<Mistake> {
    let mut mistakes = names(pipeline, file);
    mistakes.extend(ends(pipeline));
    if mistakes.is_empty() {
        mistakes.extend(arrange(pipeline));
    }
    if mistakes.is_empty() {
        mistakes.extend(unread(pipeline));
        mistakes.extend(time(pipeline));
        mistakes.extend(delivery(pipeline));
    }
    mistakes
}

fn commons(pipeline: &Pipeline) -> impl Iterator<Item = &Common> {
    let sources = pipeline.sources.iter().map(|s| &s.common);
    sources.chain(pipeline.transforms.iter().map(|t| &t.common)).chain(pipeline.sinks.iter().map(|s| &s.common))
}

/// One uid for each node, and something to run at all.
fn names(pipeline: &Pipeline, file: &str) -> Vec<Mistake> {
    let whole = |what: String| Mistake { file: file.into(), line: 1, table: String::new(), key: String::new(), what };
    let mut mistakes = vec![];
    for (sort, is_empty) in [("sources", pipeline.sources.is_empty()), ("sinks", pipeline.sinks.is_empty())] {
        if is_empty {
            mistakes.push(whole(format!("there are no {sort}: write [{sort}.some_uid]")));
        }
    }
    if commons(pipeline).count() > MOST_NODES {
        mistakes.push(whole(format!("there are more than {MOST_NODES} nodes")));
    }
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for common in commons(pipeline) {
        if let Some(first) = seen.insert(&common.uid, &common.place.table) {
            let what = format!("[{first}] has the same uid: give each its own, a restart finds state by uid");
            mistakes.push(common.place.mistake("", what));
        }
    }
    mistakes
}

/// What can be an input: uids of sources and transforms, `uid.name` where a transform has several outputs.
fn outputs(pipeline: &Pipeline) -> BTreeSet<String> {
    let mut all: BTreeSet<String> = pipeline.sources.iter().map(|s| s.common.uid.clone()).collect();
    for transform in &pipeline.transforms {
        let names = transform.kind.outputs();
        if names.is_empty() {
            all.insert(transform.common.uid.clone());
        }
        all.extend(names.iter().map(|name| format!("{}.{name}", transform.common.uid)));
    }
    all
}

/// Inputs and sinks of dead letters that do not exist.
fn ends(pipeline: &Pipeline) -> Vec<Mistake> {
    let outputs = outputs(pipeline);
    let sinks: Vec<&str> = pipeline.sinks.iter().map(|s| s.common.uid.as_str()).collect();
    let transforms = pipeline.transforms.iter().map(|t| (&t.common, &t.inputs));
    let mut mistakes = vec![];
    for (common, inputs) in transforms.chain(pipeline.sinks.iter().map(|s| (&s.common, &s.inputs))) {
        for input in inputs.iter().filter(|input| !outputs.contains(*input)) {
            let why = if sinks.contains(&input.as_str()) { "is a sink, which gives nothing" } else { "is not there" };
            let what = format!("{input:?} {why}; there are {}", listed(&outputs));
            mistakes.push(common.place.mistake("inputs", what));
        }
    }
    for common in commons(pipeline) {
        if let OnError::DeadLetter(sink) = &common.on_error
            && !sinks.contains(&sink.as_str())
        {
            let what = format!("{sink:?} is no sink; write fail, skip, or one of the sinks {}", listed(&sinks));
            mistakes.push(common.place.mistake("on_error", what));
        }
    }
    mistakes
}

/// Sorts the nodes. A cycle is a mistake.
fn arrange(pipeline: &mut Pipeline) -> Vec<Mistake> {
    let mut mistakes = vec![];
    let transforms = std::mem::take(&mut pipeline.transforms);
    let uids: Vec<String> = transforms.iter().map(|t| t.common.uid.clone()).collect();
    let places: Vec<_> = transforms.iter().map(|t| t.common.place.clone()).collect();
    let index = |input: &String| uids.iter().position(|uid| *uid == uid_of(input));
    let needs: Vec<Vec<usize>> = transforms.iter().map(|t| t.inputs.iter().filter_map(index).collect()).collect();
    match sorted(transforms, &needs) {
        Ok(transforms) => pipeline.transforms = transforms,
        Err(cycle) => {
            let names = listed(cycle.iter().rev().map(|i| &uids[*i]));
            let place = &places[cycle[0]];
            mistakes.push(place.mistake("inputs", format!("make a cycle: {names}; a record must not come back")));
        }
    }
    let sinks = std::mem::take(&mut pipeline.sinks);
    let places: Vec<_> = sinks.iter().map(|s| s.common.place.clone()).collect();
    let mut needs = vec![vec![]; sinks.len()];
    for (i, sink) in sinks.iter().enumerate() {
        let OnError::DeadLetter(to) = &sink.common.on_error else { continue };
        if let Some(to) = sinks.iter().position(|s| s.common.uid == *to) {
            needs[to].push(i);
        }
    }
    match sorted(sinks, &needs) {
        Ok(sinks) => pipeline.sinks = sinks,
        Err(cycle) => {
            let what = "sends dead letters in a circle: give one of these sinks on_error = \"fail\" or \"skip\"";
            mistakes.push(places[cycle[0]].mistake("on_error", what));
        }
    }
    mistakes
}

/// The uid in `uid` or `uid.name`.
fn uid_of(input: &str) -> &str {
    input.split_once('.').map_or(input, |(uid, _)| uid)
}

/// Nodes that nobody reads, and sinks that nothing reaches.
fn unread(pipeline: &Pipeline) -> Vec<Mistake> {
    let inputs = pipeline.transforms.iter().flat_map(|t| &t.inputs);
    let read: BTreeSet<&str> =
        inputs.chain(pipeline.sinks.iter().flat_map(|s| &s.inputs)).map(|input| uid_of(input)).collect();
    let takers: BTreeSet<&str> = commons(pipeline).filter_map(|c| dead_letters_of(c)).collect();
    let givers = pipeline.sources.iter().map(|s| &s.common).chain(pipeline.transforms.iter().map(|t| &t.common));
    let idle = givers.filter(|common| !read.contains(common.uid.as_str()));
    let idle = idle.map(|common| {
        let what = format!("nothing reads {:?}: name it in `inputs` of a transform or a sink", common.uid);
        common.place.mistake("", what)
    });
    let dry = pipeline.sinks.iter().filter(|s| s.inputs.is_empty() && !takers.contains(s.common.uid.as_str()));
    let dry = dry.map(|sink| {
        let what = "is missing, and no on_error names this sink: nothing would reach it";
        sink.common.place.mistake("inputs", what)
    });
    idle.chain(dry).collect()
}

fn dead_letters_of(common: &Common) -> Option<&str> {
    match &common.on_error {
        OnError::DeadLetter(sink) => Some(sink),
        _ => None,
    }
}

/// The uids of all that is above these inputs.
fn above<'a>(pipeline: &'a Pipeline, inputs: &'a [String]) -> BTreeSet<&'a str> {
    let mut all = BTreeSet::new();
    let mut next: Vec<&str> = inputs.iter().map(|input| uid_of(input)).collect();
    while let Some(uid) = next.pop() {
        if all.insert(uid)
            && let Some(transform) = pipeline.transforms.iter().find(|t| t.common.uid == uid)
        {
            next.extend(transform.inputs.iter().map(|input| uid_of(input)));
        }
    }
    all
}

/// What works in event time has it, and the sources above know that they must give it.
fn time(pipeline: &mut Pipeline) -> Vec<Mistake> {
    let transforms = pipeline.transforms.iter().filter(|t| t.kind.needs_time()).map(|t| (&t.common, &t.inputs));
    let sinks = pipeline.sinks.iter().filter(|s| s.kind.needs_time()).map(|s| (&s.common, &s.inputs));
    let (mut mistakes, mut timed) = (vec![], BTreeSet::new());
    for (common, inputs) in transforms.chain(sinks) {
        for uid in above(pipeline, inputs) {
            let Some(source) = pipeline.sources.iter().find(|s| s.common.uid == uid) else { continue };
            timed.insert(uid.to_owned());
            if source.event_time.is_none() && !source.kind.is_timed() {
                let what = format!(
                    "needs event time, and the records of {uid:?} bring none: give [{}] an event_time, such as \".ts\"",
                    source.common.place.table
                );
                mistakes.push(common.place.mistake("type", what));
            }
        }
    }
    for source in &mut pipeline.sources {
        source.needs_time = source.event_time.is_some() || timed.contains(&source.common.uid);
    }
    mistakes
}

/// Exactly once needs sources that can be read again.
fn delivery(pipeline: &Pipeline) -> Vec<Mistake> {
    let mut mistakes = vec![];
    for sink in pipeline.sinks.iter().filter(|s| s.delivery == Delivery::ExactlyOnce) {
        let mut all = above(pipeline, &sink.inputs);
        for common in commons(pipeline).filter(|c| dead_letters_of(c) == Some(&sink.common.uid)) {
            all.insert(&common.uid);
            let own = pipeline.transforms.iter().map(|t| (&t.common, &t.inputs));
            let mut own = own.chain(pipeline.sinks.iter().map(|s| (&s.common, &s.inputs)));
            if let Some((_, inputs)) = own.find(|(one, _)| one.uid == common.uid) {
                all.extend(above(pipeline, inputs));
            }
        }
        let lost = pipeline.sources.iter().find(|s| all.contains(s.common.uid.as_str()) && !s.kind.is_replayable());
        if let Some(source) = lost {
            let what = format!(
                "exactly_once cannot be had: {:?} cannot be read again after a crash; leave it out, or write at_least_once",
                source.common.uid
            );
            mistakes.push(sink.common.place.mistake("delivery", what));
        }
    }
    mistakes
}
