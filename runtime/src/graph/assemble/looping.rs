//! A loop: its body in a scope of its own, where times have rounds.
use super::{Assembler, Hears, Input, Tree};
use crate::Result;
use crate::engine::logic::Logic;
use crate::engine::looped::{LoopWiring, Round, looped};
use crate::engine::ports::ParcelStream;
use crate::engine::relay::relay;
use crate::engine::stage::Leaf;
use crate::graph::node::{Build, OperatorBuild, Port};
use std::collections::BTreeMap;
use timely::dataflow::Scope;
use timely::dataflow::operators::core::feedback::{ConnectLoop, Feedback};
use timely::dataflow::operators::core::{Enter, Leave};

/// The operators of a loop's body, by node.
type Made = BTreeMap<usize, Box<dyn Logic>>;
type InLoop<'i> = ParcelStream<'i, Round>;

const HEARS_NOTHING: Hears = Hears { marks: false, ends: false, ticks: false };

impl<'s> Assembler<'_, 's> {
    /// Makes a loop, from its head to the node behind which its records leave it.
    pub(super) fn iterate(&mut self, head: usize) -> Result<()> {
        let streams = self.edges.remove(&(head, 0)).unwrap_or_default();
        // Before the scope: one that is left unfinished ends the worker.
        let mut made = self.make_body(head)?;
        // The first output has the records, the second only their frontier.
        let mut entering = relay(self.cx, self.scope, streams, 2, Box::new(Leaf(0))).into_iter();
        let (Some(records), Some(outside)) = (entering.next(), entering.next()) else { return Ok(()) };
        let outer = self.scope;
        let left = outer.scoped::<Round, _, _>("iterate", |scope| {
            let (handle, cycle) = scope.feedback(Round::new(0, 1));
            let outside = outside.enter(scope);
            let mut open = self.head(scope, head, vec![records.enter(scope), cycle]);
            let (mut handle, mut left) = (Some(handle), None);
            while let Some(((node, _), stream)) = open.pop() {
                if let Some(logic) = made.remove(&node) {
                    open.extend(self.looped(scope, node, logic, stream, outside.clone()));
                } else if self.is_again(node) {
                    handle.take().into_iter().for_each(|handle| stream.clone().connect_loop(handle));
                } else {
                    left = Some((node, stream.leave(outer)));
                }
            }
            left
        });
        let Some((end, stream)) = left else { return Ok(()) };
        let mut tree = Tree::default();
        let next = self.tree(Port { node: end, out: 0 }, None, &mut tree);
        let outputs = relay(self.cx, self.scope, vec![stream], tree.leaves.len(), next);
        self.connect(tree.leaves, outputs);
        Ok(())
    }

    /// The operators with state between the head of a loop and its end.
    fn make_body(&mut self, head: usize) -> Result<Made> {
        let mut made = Made::new();
        for (node, build) in self.take_body(head) {
            let mut logic = self.make(node, HEARS_NOTHING, build.make)?;
            self.accept(&logic.info())?;
            made.insert(node, logic);
        }
        Ok(made)
    }

    fn take_body(&self, head: usize) -> Vec<(usize, OperatorBuild)> {
        let (mut taken, mut open) = (vec![], vec![head]);
        while let Some(node) = open.pop() {
            let build = &mut self.graph.nodes.borrow_mut()[node].build;
            if matches!(build, Some(Build::Again | Build::Leave)) {
                continue;
            }
            if let Some(Build::Operator(operator)) = build.take_if(|build| matches!(build, Build::Operator(_))) {
                taken.push((node, operator));
            }
            let behind = self.consumers.range(Port { node, out: 0 }..Port { node: node + 1, out: 0 });
            open.extend(behind.flat_map(|(_, readers)| readers).map(|(reader, _)| *reader));
        }
        taken
    }

    fn is_again(&self, node: usize) -> bool {
        matches!(self.graph.nodes.borrow()[node].build, Some(Build::Again))
    }

    /// What enters and what goes round, down to the first operators.
    fn head<'i>(&mut self, scope: Scope<'i, Round>, head: usize, streams: Vec<InLoop<'i>>) -> Vec<(Input, InLoop<'i>)> {
        let mut tree = Tree::default();
        let next = self.tree(Port { node: head, out: 0 }, None, &mut tree);
        let outputs = relay(self.cx, scope, streams, tree.leaves.len(), next);
        tree.leaves.into_iter().zip(outputs).collect()
    }

    fn looped<'i>(
        &mut self,
        scope: Scope<'i, Round>,
        node: usize,
        mut logic: Box<dyn Logic>,
        records: InLoop<'i>,
        outside: InLoop<'i>,
    ) -> Vec<(Input, InLoop<'i>)> {
        let mut tree = Tree::default();
        let next = self.tree(Port { node, out: 0 }, None, &mut tree);
        let (uid, operator, outputs) = (self.uid(node), self.made.operators.len(), tree.leaves.len());
        self.made.operators.push(logic.info());
        let streams = looped(self.cx, scope, LoopWiring { uid, operator, records, outside, outputs }, logic, next);
        tree.leaves.into_iter().zip(streams).collect()
    }
}
