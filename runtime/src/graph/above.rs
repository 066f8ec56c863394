//! Which origins of watermarks are above each node.
use super::node::{Build, Graph, Node, Rule};
use std::collections::BTreeSet;

/// The nodes whose promises hold for a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Above {
    /// Event time: `event_time` nodes, and delaying operators behind some.
    pub timed: BTreeSet<usize>,
    /// What must have ended before a delaying operator has: sources, unless all event time of theirs is above;
    /// `event_time` nodes; delaying operators.
    pub ends: BTreeSet<usize>,
}

/// Of each node.
pub(crate) fn above(graph: &Graph) -> Vec<Above> {
    let nodes = graph.nodes.borrow();
    let mut inputs: Vec<Above> = vec![];
    let mut behind: Vec<Above> = vec![];
    for (n, node) in nodes.iter().enumerate() {
        let all = meet(node, &behind);
        behind.push(pass(n, node, &all));
        inputs.push(all);
    }
    inputs
}

/// What holds before a node. A second input beside the stream brings no time, but may bring records.
fn meet(node: &Node, behind: &[Above]) -> Above {
    let mut all = Above::default();
    for (i, input) in node.inputs.iter().enumerate() {
        let Some(one) = behind.get(input.node) else { continue };
        all.ends.extend(&one.ends);
        if i == 0 || node.rule != Rule::Beside {
            all.timed.extend(&one.timed);
        }
    }
    all
}

/// What holds behind a node.
fn pass(n: usize, node: &Node, before: &Above) -> Above {
    let own = BTreeSet::from([n]);
    match (node.rule, &node.build) {
        (Rule::Source { .. }, _) => Above { ends: own, ..Above::default() },
        (Rule::AssignsTime, _) => Above { timed: own.clone(), ends: own },
        (_, Some(Build::Delaying(_))) if before.timed.is_empty() => Above { ends: own, ..Above::default() },
        (_, Some(Build::Delaying(_))) => Above { timed: own.clone(), ends: own },
        _ => before.clone(),
    }
}
