//! Which origins of watermarks are above each node.
use super::node::{Build, Graph, Node, Rule};
use std::collections::BTreeSet;

/// The nodes whose promises hold for a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Above {
    /// Event time: `event_time` nodes, and delaying operators behind some.
    pub timed: BTreeSet<usize>,
    /// What must have ended before the input of an operator has: sources, unless all event time of theirs is above;
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
        (Rule::LosesTime, _) => Above { ends: before.ends.clone(), ..Above::default() },
        (_, Some(Build::Delaying(_))) if before.timed.is_empty() => Above { ends: own, ..Above::default() },
        (_, Some(Build::Delaying(_))) => Above { timed: own.clone(), ends: own },
        _ => before.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::stage::StageInit;
    use crate::graph::node::{At, DelayingBuild, OperatorBuild};
    use crate::source::{Batch, Progress, Reader, Source, Splits};
    use crate::time::Watermark;

    struct Nothing;
    impl Source for Nothing {
        type Split = u64;
        type Reader = Nothing;
        fn splits(&mut self) -> crate::Result<Splits<u64>> {
            Ok(Splits::Fixed(vec![]))
        }
        fn open(&self, _split: &u64, _from: Option<u64>) -> crate::Result<Nothing> {
            Ok(Nothing)
        }
    }
    impl Reader for Nothing {
        type Item = u64;
        type Offset = u64;
        fn read(&mut self, _batch: &mut Batch<u64>) -> crate::Result<Progress> {
            Ok(Progress::Ended)
        }
        fn offset(&self) -> u64 {
            0
        }
    }

    /// Nodes by name.
    struct Drawn(Graph, Vec<&'static str>);

    impl Drawn {
        fn new() -> Self {
            Drawn(Graph::default(), vec![])
        }
        fn note(&mut self, name: &'static str, at: At) -> At {
            self.1.push(name);
            at
        }
        fn source(&mut self, name: &'static str) -> At {
            let at = self.0.source(name, Nothing);
            self.note(name, at)
        }
        fn timed(&mut self, name: &'static str, at: &At) -> At {
            let at = at.event_time(Watermark::bounded(std::time::Duration::ZERO), |mut init: StageInit| init.next(0));
            self.note(name, at)
        }
        fn calls(&mut self, name: &'static str, at: &At) -> At {
            let build = DelayingBuild { exchange: false, make: Box::new(|_| Err("only drawn".into())) };
            self.note(name, at.delaying("calls", name, Rule::Mixes, build))
        }
        fn union(&mut self, name: &'static str, one: &At, other: &At) -> At {
            self.note(name, one.union(other))
        }
        fn beside(&mut self, name: &'static str, one: &At, other: &At) -> At {
            let make = Box::new(|_: &crate::graph::OperatorInit<'_>| Err("only drawn".into()));
            let build = OperatorBuild { exchange: false, event_time: false, processing_time: false, end: false, make };
            self.note(name, one.meet(other, "broadcast", name, Rule::Beside, build))
        }
        /// What is above a node: event time, ends.
        fn above(&self, name: &str) -> (Vec<&str>, Vec<&str>) {
            let names = |nodes: &BTreeSet<usize>| nodes.iter().map(|n| self.1[*n]).collect();
            let node = self.1.iter().position(|n| *n == name).expect("it was drawn");
            let Above { timed, ends } = &above(&self.0)[node];
            (names(timed), names(ends))
        }
    }

    #[test]
    fn a_delaying_operator_takes_the_place_of_what_is_above_it() {
        let mut d = Drawn::new();
        let (a, b) = (d.source("a"), d.source("b"));
        let (at, bt) = (d.timed("at", &a), d.timed("bt", &b));
        let calls = d.calls("calls", &at);
        let both = d.union("both", &calls, &bt);
        d.calls("again", &both);
        assert_eq!(d.above("calls"), (vec!["at"], vec!["at"]));
        assert_eq!(d.above("again"), (vec!["bt", "calls"], vec!["bt", "calls"]));
    }

    #[test]
    fn without_event_time_only_ends_are_heard() {
        let mut d = Drawn::new();
        let a = d.source("a");
        let calls = d.calls("calls", &a);
        let again = d.calls("again", &calls);
        let at = d.timed("at", &a);
        let both = d.union("both", &again, &at);
        d.calls("last", &both);
        assert_eq!(d.above("calls"), (vec![], vec!["a"]));
        assert_eq!(d.above("again"), (vec![], vec!["calls"]));
        assert_eq!(d.above("last"), (vec!["at"], vec!["again", "at"]));
    }

    #[test]
    fn what_is_beside_must_end_too_but_brings_no_time() {
        let mut d = Drawn::new();
        let (a, b) = (d.source("a"), d.source("b"));
        let (at, bt) = (d.timed("at", &a), d.timed("bt", &b));
        let met = d.beside("met", &at, &bt);
        d.calls("calls", &met);
        assert_eq!(d.above("calls"), (vec!["at"], vec!["at", "bt"]));
    }
}
