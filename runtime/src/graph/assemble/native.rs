//! Nodes that are written on timely itself.
use super::{Assembler, Input, Tree};
use crate::Result;
use crate::engine::relay::relay;
use crate::graph::node::{Build, Port};
use crate::native::{Edge, Faults, Native, NativeInit};
use timely::dataflow::operators::Concatenate;
use timely::dataflow::operators::generic::operator::empty;

impl<'s> Assembler<'_, 's> {
    pub(super) fn native(&mut self, node: usize, build: Native) -> Result<()> {
        let inputs_of = self.graph.nodes.borrow()[node].inputs.len();
        let inputs = (0..inputs_of).map(|input| self.one_edge((node, input))).collect();
        let faults = Faults::new(self.cx.control.clone(), self.graph.nodes.borrow()[node].verb);
        let made = build(NativeInit { scope: self.scope, inputs, faults });
        let port = Port { node, out: 0 };
        let readers = self.consumers.get(&port).cloned().unwrap_or_default();
        if readers.is_empty() {
            self.ends.push(made);
        } else if readers.iter().any(|reader| self.is_stage(*reader)) {
            let mut tree = Tree::default();
            let next = self.tree(port, None, &mut tree);
            let outputs = relay(self.cx, self.scope, vec![made], tree.leaves.len(), next);
            self.connect(tree.leaves, outputs);
        } else {
            let copies = vec![made; readers.len()];
            self.connect(readers, copies);
        }
        Ok(())
    }

    /// The edges of an input as one.
    fn one_edge(&mut self, input: Input) -> Edge<'s> {
        let mut edges = self.edges.remove(&input).unwrap_or_default();
        match edges.len() {
            0 => empty(self.scope),
            1 => edges.remove(0),
            _ => self.scope.concatenate(edges),
        }
    }

    fn is_stage(&self, (node, _): Input) -> bool {
        matches!(self.graph.nodes.borrow()[node].build, Some(Build::Stage(..)))
    }
}
