//! The graph as text, its hash, and what a restore would keep, start anew or drop.
use super::judge::Facts;
use super::node::{Build, Graph, Node, Rule};
use crate::checkpoint::Manifest;
use crate::sink::Delivery;
use std::fmt::Write;
use xxhash_rust::xxh3::xxh3_64;

/// What a checkpoint has for the operators of a graph, by uid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Against {
    /// In the graph and in the checkpoint.
    pub kept: Vec<String>,
    /// In the graph only.
    pub new: Vec<String>,
    /// In the checkpoint only: an error unless named.
    pub dropped: Vec<String>,
}

impl Graph {
    /// The DAG as text, a node a line; of a sink, what it guarantees here; of what has state, what a restore of
    /// `checkpoint` would do.
    pub fn plan(&self, workers: usize, checkpoint: Option<&Manifest>) -> String {
        let (facts, _) = self.judge();
        let nodes = self.nodes.borrow();
        let mut text = String::new();
        for (i, (node, facts)) in nodes.iter().zip(&facts).enumerate() {
            let inputs: Vec<usize> = node.inputs.iter().map(|p| p.node).collect();
            let note = [promise(&nodes, node, facts), restore_note(node, workers, checkpoint)].concat();
            let line = format!("{i:>3}  {:<32} <- {:<10} {note}", node.name(), format!("{inputs:?}"));
            text.push_str(line.trim_end());
            text.push('\n');
        }
        if let Some(manifest) = checkpoint {
            let _ = writeln!(text, "restore: checkpoint {} of {} workers", manifest.number, manifest.workers);
            for uid in self.against(manifest).dropped {
                let _ =
                    writeln!(text, "     {uid:?} is in the checkpoint only: dropped, if --drop-state {uid} says so");
            }
        }
        text
    }

    /// Compares the operators that have state with those of a checkpoint.
    pub fn against(&self, checkpoint: &Manifest) -> Against {
        let ours = self.stateful_uids();
        let theirs: Vec<&String> = checkpoint.operators.iter().map(|o| &o.uid).collect();
        let (kept, new) = ours.iter().cloned().partition(|uid| theirs.contains(&uid));
        let dropped = theirs.into_iter().filter(|uid| !ours.contains(uid)).cloned().collect();
        Against { kept, new, dropped }
    }

    /// The uids of all that has something in a checkpoint.
    pub fn stateful_uids(&self) -> Vec<String> {
        self.nodes.borrow().iter().filter(|n| has_state(n)).filter_map(|n| n.uid.clone()).collect()
    }

    /// A hash of verbs, uids and edges: the same on every worker and process that runs the job.
    pub fn hash(&self) -> u64 {
        let mut text = String::new();
        for node in self.nodes.borrow().iter() {
            let _ = writeln!(text, "{} {:?} {:?} {:?}", node.verb, node.uid, node.inputs, node.rule);
        }
        xxh3_64(text.as_bytes())
    }
}

fn has_state(node: &Node) -> bool {
    match &node.build {
        Some(build) => matches!(build, Build::Source(_) | Build::Operator(_) | Build::Delaying(_) | Build::Sink(_)),
        None => false,
    }
}

/// What a sink guarantees in this graph.
fn promise(nodes: &[Node], node: &Node, facts: &Facts) -> String {
    let lost = facts.unreplayable.first().map(|from| nodes[*from].name());
    match (node.rule, lost) {
        (Rule::Sink(Delivery::AtLeastOnce), _) => "at least once".into(),
        (Rule::Sink(_), None) => "exactly once".into(),
        (Rule::Sink(_), Some(source)) => format!("at least once: {source} cannot be read again"),
        _ => String::new(),
    }
}

fn restore_note(node: &Node, workers: usize, checkpoint: Option<&Manifest>) -> String {
    let parallel = match node.build {
        Some(Build::Source(_) | Build::Operator(_) | Build::Delaying(_) | Build::Sink(_)) => format!("  x{workers}"),
        _ => return String::new(),
    };
    let Some(manifest) = checkpoint else { return parallel };
    let kept = manifest.operators.iter().any(|o| Some(&o.uid) == node.uid.as_ref());
    format!("{parallel}  {}", if kept { "restore: keeps its state" } else { "restore: starts anew" })
}
