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
    /// The checkpoint.
    pub number: u64,
    /// How many workers took it.
    pub workers: u32,
    /// In the graph and in the checkpoint.
    pub kept: Vec<String>,
    /// In both, of other schemas; with what becomes of it.
    pub migrated: Vec<(String, String)>,
    /// In both, and it does not fit; with the reason.
    pub refused: Vec<(String, String)>,
    /// In the graph only.
    pub new: Vec<String>,
    /// In the checkpoint only: an error unless named.
    pub dropped: Vec<String>,
}

impl Graph {
    /// The DAG as text, a node a line; of a sink, what it guarantees here; of what has state, what a restore would do.
    pub fn plan(&self, workers: usize, restore: Option<&Against>) -> String {
        let (facts, _) = self.judge();
        let nodes = self.nodes.borrow();
        let mut text = String::new();
        for (i, (node, facts)) in nodes.iter().zip(&facts).enumerate() {
            let inputs: Vec<usize> = node.inputs.iter().map(|p| p.node).collect();
            let note = [promise(&nodes, node, facts), restore_note(node, workers, restore)].concat();
            let line = format!("{i:>3}  {:<32} <- {:<10} {note}", node.name(), format!("{inputs:?}"));
            text.push_str(line.trim_end());
            text.push('\n');
        }
        if let Some(restore) = restore {
            let _ = writeln!(text, "restore: checkpoint {} of {} workers", restore.number, restore.workers);
            for (uid, why) in &restore.refused {
                let _ = writeln!(text, "     {uid:?} is refused: {why}");
            }
            for uid in &restore.dropped {
                let _ =
                    writeln!(text, "     {uid:?} is in the checkpoint only: dropped, if --drop-state {uid} says so");
            }
        }
        text
    }

    /// Compares the operators that have state with those of a checkpoint, by uid only; [`Graph::fit`] judges their state.
    pub fn against(&self, checkpoint: &Manifest) -> Against {
        let ours = self.stateful_uids();
        let theirs: Vec<&String> = checkpoint.operators.iter().map(|o| &o.uid).collect();
        let (kept, new) = ours.iter().cloned().partition(|uid| theirs.contains(&uid));
        let dropped = theirs.into_iter().filter(|uid| !ours.contains(uid)).cloned().collect();
        let (number, workers) = (checkpoint.number, checkpoint.workers);
        Against { number, workers, kept, new, dropped, ..Against::default() }
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

fn restore_note(node: &Node, workers: usize, restore: Option<&Against>) -> String {
    let parallel = match node.build {
        Some(Build::Source(_) | Build::Operator(_) | Build::Delaying(_) | Build::Sink(_)) => format!("  x{workers}"),
        _ => return String::new(),
    };
    let (Some(restore), Some(uid)) = (restore, &node.uid) else { return parallel };
    let of = |all: &[(String, String)]| all.iter().find(|(its, _)| its == uid).map(|(_, what)| what.clone());
    let note = match (of(&restore.migrated), of(&restore.refused)) {
        (Some(what), _) => format!("migrates its state: {what}"),
        (_, Some(_)) => "refused".into(),
        _ if restore.kept.contains(uid) => "keeps its state".into(),
        _ => "starts anew".into(),
    };
    format!("{parallel}  restore: {note}")
}
