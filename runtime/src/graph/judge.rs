//! The checks that need the whole graph: where event time comes from, where splits are still apart, what can be read
//! again, uids. A refusal names both ends, the line, the path and the cure.
use super::node::{Graph, Node, Rule};
use crate::sink::Delivery;
use std::collections::HashMap;

/// What holds behind a node: faults meet by union.
#[derive(Clone, Default)]
pub(crate) struct Facts {
    untimed: Vec<usize>,
    mixed: Option<usize>,
    /// Sources above that cannot be read again.
    pub unreplayable: Vec<usize>,
}

impl Graph {
    /// Every mistake in the graph: one sentence, a place, a path, what to do.
    pub fn mistakes(&self) -> Vec<String> {
        self.judge().1
    }

    /// What holds behind each node, and the mistakes.
    pub(crate) fn judge(&self) -> (Vec<Facts>, Vec<String>) {
        let nodes = self.nodes.borrow();
        let mut facts: Vec<Facts> = vec![];
        let mut found = vec![];
        let mut uids = HashMap::new();
        for (i, node) in nodes.iter().enumerate() {
            found.extend(bad_uid(node));
            let own = node.mistakes.iter().map(|(what, help)| (format!("{}: {what}", node.name()), help.clone()));
            found.extend(own.map(|(what, help)| say(node, what, "", help)));
            if let Some(first) = node.uid.as_ref().and_then(|uid| uids.insert(uid.clone(), i)) {
                let (one, other) = (node.name(), &nodes[first]);
                let what = format!("{one} and the {} at {} have one uid", other.verb, other.at);
                found.push(say(node, what, "", "give each its own: a restore finds state by uid".into()));
            }
            let mut now = meet(&facts, node);
            found.extend(mistake(&nodes, i, &now));
            match node.rule {
                Rule::Source { replayable } => {
                    let unreplayable = if replayable { vec![] } else { vec![i] };
                    now = Facts { untimed: vec![i], mixed: None, unreplayable };
                }
                Rule::AssignsTime => now.untimed.clear(),
                Rule::LosesTime => now = Facts { untimed: vec![i], mixed: now.mixed.or(Some(i)), ..now },
                Rule::Mixes | Rule::NeedsTime | Rule::Beside => now.mixed = now.mixed.or(Some(i)),
                _ => {}
            }
            facts.push(now);
        }
        if !nodes.iter().any(|n| matches!(n.rule, Rule::Sink(_))) {
            found.push("the job has no sink, so it would do nothing\n  help: end a stream with .sink(uid, ..)".into());
        }
        (facts, found)
    }
}

/// A uid names files and lines of a plan.
fn bad_uid(node: &Node) -> Option<String> {
    let uid = node.uid.as_ref()?;
    let fine = !uid.is_empty() && uid.len() <= 128 && !uid.chars().any(char::is_control);
    let what = format!("{} has a uid that is no name", node.name());
    (!fine).then(|| say(node, what, "", "give it 1 to 128 characters, none of them a control character".into()))
}

/// What holds before `node`: the faults of all its inputs.
fn meet(facts: &[Facts], node: &Node) -> Facts {
    node.inputs.iter().enumerate().fold(Facts::default(), |mut all, (n, input)| {
        let f = &facts[input.node];
        all.unreplayable.extend(&f.unreplayable);
        if n == 0 || node.rule != Rule::Beside {
            all.untimed.extend(&f.untimed);
            all.mixed = all.mixed.or(f.mixed);
        }
        all
    })
}

/// What is wrong with node `i`, given what holds before it.
fn mistake(nodes: &[Node], i: usize, now: &Facts) -> Option<String> {
    let node = &nodes[i];
    let wants = |rules: &[Rule]| rules.contains(&node.rule);
    let untimed = now.untimed.first().filter(|_| wants(&[Rule::NeedsTime, Rule::NeedsSplitsAndTime]));
    let mixed = now.mixed.filter(|_| wants(&[Rule::AssignsTime, Rule::NeedsSplitsAndTime]));
    let lost = now.unreplayable.first().filter(|_| node.rule == Rule::Sink(Delivery::ExactlyOnce));
    if let Some(from) = untimed.copied() {
        let (what, cure) = without_time(&nodes[from]);
        Some(say(node, format!("{} needs event time, and {what}", node.name()), &path(nodes, from, i), cure))
    } else if let Some(from) = mixed {
        let (verb, at) = (nodes[from].verb, nodes[from].at);
        let from_name = nodes[from].name();
        let what = format!("{} behind {from_name}, where splits are mixed: a backlog would look late", node.name());
        let cure = format!("call it before the {verb} at {at}: directly behind the source and stateless operators");
        Some(say(node, what, &path(nodes, from, i), cure))
    } else if let Some(from) = not_directly_behind_event_time(nodes, i) {
        let what = format!("{} behind {}, which may drop or change records", node.name(), nodes[from].name());
        let cure = "call it directly behind .event_time(..): it judges each record by those before it in its split";
        Some(say(node, what, &path(nodes, from, i), cure.into()))
    } else {
        let from = *lost?;
        let source = nodes[from].name();
        let what = format!("{} is exactly once, and {source} cannot be read again after a crash", node.name());
        let cure = "leave out .exactly_once(), or put a log (Kafka, shards, files) before this job".into();
        Some(say(node, what, &path(nodes, from, i), cure))
    }
}

/// Why what comes from a node has no event time, and what to do.
fn without_time(from: &Node) -> (String, String) {
    let name = from.name();
    if from.rule == Rule::LosesTime {
        let cure = "use windows over processing time or of so many records, or put it before the collection";
        return (format!("what comes out of {name} has none: a change belongs to an epoch"), cure.into());
    }
    let cure =
        format!("call .event_time(|record| .., Watermark::bounded(..)) behind {name} and its stateless operators");
    (format!("what {name} reads has none"), cure)
}

/// The node between `late` and its `event_time`, if there is one.
fn not_directly_behind_event_time(nodes: &[Node], i: usize) -> Option<usize> {
    if nodes[i].rule != Rule::NeedsSplitsAndTime {
        return None;
    }
    let before = nodes[i].inputs.first()?.node;
    (nodes[before].rule != Rule::AssignsTime).then_some(before)
}

fn say(node: &Node, what: String, path: &str, help: String) -> String {
    let path = if path.is_empty() { String::new() } else { format!("\n  path: {path}") };
    format!("{what}\n  --> {}{path}\n  help: {help}", node.at)
}

/// One way from node `from` to node `to`.
fn path(nodes: &[Node], from: usize, to: usize) -> String {
    let mut seen = vec![false; nodes.len()];
    let mut ways = vec![vec![to]];
    while let Some(trail) = ways.pop() {
        let Some(&last) = trail.last() else { continue };
        if last == from {
            return trail.iter().rev().map(|n| nodes[*n].name()).collect::<Vec<_>>().join(" -> ");
        }
        for input in &nodes[last].inputs {
            if !std::mem::replace(&mut seen[input.node], true) {
                ways.push([trail.clone(), vec![input.node]].concat());
            }
        }
    }
    String::new()
}
