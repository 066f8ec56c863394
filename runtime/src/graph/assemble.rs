//! From the graph to timely operators on one worker.
//!
//! Stateless nodes become stages inside the source or operator before them; only sources, operators with state, sinks,
//! and unions that a stateless node follows become timely operators.
use super::node::{Build, Graph, OperatorBuild, OperatorInit, Port, Rule, SourceBuild};
use crate::Result;
use crate::checkpoint::OperatorInfo;
use crate::engine::epoch::Epoch;
use crate::engine::logic::Logic;
use crate::engine::marks::Marks;
use crate::engine::operator::{Wiring, operator};
use crate::engine::origin::{Reporter, collector};
use crate::engine::ports::ParcelStream;
use crate::engine::relay::relay;
use crate::engine::source::{SourceSpec, source};
use crate::engine::stage::{Assigner, Fork, Leaf, Next, StageInit};
use crate::engine::tick::{Mark, Tick};
use crate::engine::ticker::ticker;
use crate::engine::watch::watch;
use crate::engine::worker::WorkerCx;
use crate::time::Watermark;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use timely::dataflow::{Scope, StreamVec};

/// What a graph has come to on a worker: told to the coordinator once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Assembled {
    /// The operators that give a part of each checkpoint.
    pub operators: Vec<OperatorInfo>,
    /// The names of the origins, by number.
    pub origins: Vec<String>,
    /// How many sinks there are.
    pub sinks: usize,
}

/// Makes every operator of the graph.
pub(crate) fn assemble<'s>(cx: &WorkerCx, scope: Scope<'s, Epoch>, graph: &Graph) -> Result<Assembled> {
    let ticks = ticker(cx, scope);
    let mut all = Assembler {
        cx,
        scope,
        ticks,
        consumers: consumers(graph),
        origins_above: origins_above(graph),
        graph: graph.clone(),
        edges: BTreeMap::new(),
        marks: BTreeMap::new(),
        origin_of: BTreeMap::new(),
        made: Assembled::default(),
        sources: 0,
        ends: vec![],
    };
    let count = graph.nodes.borrow().len();
    for node in 0..count {
        all.node(node)?;
    }
    watch(cx, scope, std::mem::take(&mut all.ends));
    Ok(all.made)
}

/// An input of a node.
type Input = (usize, usize);

struct Assembler<'a, 's> {
    cx: &'a WorkerCx,
    scope: Scope<'s, Epoch>,
    ticks: StreamVec<'s, Epoch, Tick>,
    graph: Graph,
    /// Who reads each output, with unions and passes seen through.
    consumers: BTreeMap<Port, Vec<Input>>,
    /// The event-time nodes above each node.
    origins_above: Vec<BTreeSet<usize>>,
    /// The edges that are ready, by the input they go to.
    edges: BTreeMap<Input, Vec<ParcelStream<'s>>>,
    /// The marks of each event-time node.
    marks: BTreeMap<usize, StreamVec<'s, Epoch, Mark>>,
    origin_of: BTreeMap<usize, u32>,
    made: Assembled,
    sources: u32,
    /// What nothing follows: the outputs of sinks.
    ends: Vec<ParcelStream<'s>>,
}

/// The leaves of a tree of stages, and the readers of event time in it.
#[derive(Default)]
struct Tree {
    leaves: Vec<Input>,
    assigners: Vec<Rc<Assigner>>,
    timed: Vec<usize>,
}

impl<'s> Assembler<'_, 's> {
    fn node(&mut self, node: usize) -> Result<()> {
        let build = match &mut self.graph.nodes.borrow_mut()[node].build {
            Some(Build::Stage(..)) => return Ok(()), // inside its head, or taken already
            build => build.take(),
        };
        match build {
            Some(Build::Source(build)) => self.source(node, build),
            Some(Build::Operator(build)) => self.operator(node, build),
            Some(Build::Sink(build)) => {
                let uid = self.uid(node);
                let staged = self.cx.restored.as_ref().map_or(Ok(vec![]), |r| r.staged(&uid))?;
                let (logic, committer) = build.open(&uid, self.cx.index, self.cx.workers, &staged)?;
                self.cx.committers.borrow_mut().push(committer);
                self.made.sinks += 1;
                self.run(node, logic, false, (false, false))
            }
            Some(Build::Pass) => self.relay(node),
            Some(Build::Stage(..)) | None => Ok(()),
        }
    }

    fn uid(&self, node: usize) -> String {
        let nodes = self.graph.nodes.borrow();
        nodes[node].uid.clone().unwrap_or_else(|| format!("{} {node}", nodes[node].verb))
    }

    fn source(&mut self, node: usize, build: Box<dyn SourceBuild>) -> Result<()> {
        let (uid, place) = (self.uid(node), self.sources);
        self.sources += 1;
        let mut tree = Tree::default();
        let next = self.tree(Port { node, out: 0 }, None, &mut tree);
        let first = self.made.origins.len() as u32;
        for (i, timed) in tree.timed.iter().enumerate() {
            self.origin_of.insert(*timed, first + i as u32);
            self.made.origins.push(format!("{uid}/{i}"));
        }
        let (all, own) = self.splits_of(&uid)?;
        if self.cx.index == 0 {
            let published = (0..tree.timed.len()).map(|i| self.restored_mark(&format!("{uid}/{i}"))).collect();
            self.cx.discovery.borrow_mut().add(self.cx.workers, published, all);
        }
        let splits = build.run(&uid, tree.assigners.clone(), own)?;
        let spec =
            SourceSpec { uid: uid.clone(), operator: self.made.operators.len(), place, outputs: tree.leaves.len() };
        let (streams, reports) = source(self.cx, self.scope, self.ticks.clone(), spec, splits, next);
        let marks = collector(self.cx, Reporter::Source { place: place as usize, first }, reports);
        for timed in &tree.timed {
            self.marks.insert(*timed, marks.clone());
        }
        self.connect(tree.leaves, streams);
        self.made.operators.push(OperatorInfo::new(&uid, "source"));
        Ok(())
    }

    /// The splits of the checkpoint: all of them with their worker, and those of this worker.
    #[expect(clippy::type_complexity, reason = "two lists that belong together and go apart at once")]
    fn splits_of(&self, uid: &str) -> Result<(Vec<(Vec<u8>, usize, bool)>, Vec<crate::engine::readers::StoredSplit>)> {
        let stored = self.cx.restored.as_ref().map_or(Ok(vec![]), |r| r.splits(uid))?;
        let worker = |i: usize| i % self.cx.workers;
        let all = stored.iter().enumerate().map(|(i, s)| (s.split.clone(), worker(i), s.ended)).collect();
        let own = stored.into_iter().enumerate().filter(|(i, _)| worker(*i) == self.cx.index).map(|(_, s)| s).collect();
        Ok((all, own))
    }

    fn operator(&mut self, node: usize, build: OperatorBuild) -> Result<()> {
        let uid = self.uid(node);
        let restored = self.cx.restored.as_deref();
        let (worker, workers, first) = (self.cx.index, self.cx.workers, self.cx.first);
        let may_drop = self.cx.drop_state.contains(&uid);
        let marks = Marks::new(self.applied(node, build.event_time), self.cx.start_now);
        let watermark = marks.watermark();
        let init = OperatorInit { uid: &uid, worker, workers, watermark, restored, first, may_drop };
        let logic = (build.make)(&init)?;
        self.run(node, logic, build.exchange, (build.event_time, build.processing_time))
    }

    fn run(
        &mut self,
        node: usize,
        mut logic: Box<dyn Logic>,
        exchange: bool,
        (marks, ticks): (bool, bool),
    ) -> Result<()> {
        let uid = self.uid(node);
        let inputs_of = self.graph.nodes.borrow()[node].inputs.len();
        let inputs = (0..inputs_of).map(|i| (self.edges.remove(&(node, i)).unwrap_or_default(), exchange)).collect();
        let above = self.above(node, marks);
        let mut tree = Tree::default();
        let next = self.tree(Port { node, out: 0 }, None, &mut tree);
        let wiring = Wiring {
            uid,
            operator: self.made.operators.len(),
            inputs,
            marks: self.marks_of(&above),
            ticks: ticks.then(|| self.ticks.clone()),
            outputs: tree.leaves.len(),
        };
        let marks = Marks::new(self.applied(node, marks), self.cx.start_now);
        self.made.operators.push(logic.info());
        let streams = operator(self.cx, self.scope, wiring, logic, marks, next);
        if tree.leaves.is_empty() {
            self.ends.extend(streams.iter().cloned());
        }
        self.connect(tree.leaves, streams);
        Ok(())
    }

    /// The event-time nodes whose watermarks an operator hears of.
    fn above(&self, node: usize, marks: bool) -> Vec<usize> {
        if marks { self.origins_above[node].iter().copied().collect() } else { vec![] }
    }

    /// What the checkpoint says of the origins above an operator.
    fn applied(&self, node: usize, marks: bool) -> BTreeMap<u32, i64> {
        let above = self.above(node, marks);
        let origins = above.iter().filter_map(|timed| self.origin_of.get(timed));
        let name = |origin: &u32| self.made.origins.get(*origin as usize).map_or("", String::as_str);
        origins.map(|origin| (*origin, self.restored_mark(name(origin)))).collect()
    }

    /// One stream of marks for each reporter above.
    fn marks_of(&self, above: &[usize]) -> Vec<StreamVec<'s, Epoch, Mark>> {
        let mut seen = BTreeSet::new();
        let source_of = |timed: &usize| {
            let origin = self.origin_of.get(timed)?;
            self.made.origins.get(*origin as usize)?.rsplit_once('/').map(|(uid, _)| uid.to_string())
        };
        let first_of_source = above.iter().filter(|timed| seen.insert(source_of(timed)));
        first_of_source.filter_map(|timed| self.marks.get(timed).cloned()).collect()
    }

    fn restored_mark(&self, origin: &str) -> i64 {
        self.cx.restored.as_ref().map_or(i64::MIN, |r| r.mark(origin))
    }

    /// A union whose records go into stateless operators: a timely operator that hands on what arrives.
    fn relay(&mut self, node: usize) -> Result<()> {
        let inputs_of = self.graph.nodes.borrow()[node].inputs.len();
        let streams: Vec<_> = (0..inputs_of).flat_map(|i| self.edges.remove(&(node, i)).unwrap_or_default()).collect();
        if streams.is_empty() {
            return Ok(()); // seen through
        }
        let mut tree = Tree::default();
        let next = self.tree(Port { node, out: 0 }, None, &mut tree);
        let outputs = relay(self.cx, self.scope, streams, tree.leaves.len(), next);
        self.connect(tree.leaves, outputs);
        Ok(())
    }

    fn connect(&mut self, leaves: Vec<Input>, streams: Vec<ParcelStream<'s>>) {
        for (input, stream) in leaves.into_iter().zip(streams) {
            self.edges.entry(input).or_default().push(stream);
        }
    }

    /// The stages behind an output, down to the leaves.
    fn tree(&mut self, port: Port, assigner: Option<&Rc<Assigner>>, tree: &mut Tree) -> Next {
        let consumers = self.consumers.get(&port).cloned().unwrap_or_default();
        let mut all: Vec<Next> = consumers.into_iter().map(|input| self.branch(input, assigner, tree)).collect();
        match all.len() {
            1 => all.remove(0),
            _ => Box::new(Fork(all)),
        }
    }

    fn branch(&mut self, (node, input): Input, assigner: Option<&Rc<Assigner>>, tree: &mut Tree) -> Next {
        let build = match &mut self.graph.nodes.borrow_mut()[node].build {
            build @ Some(Build::Stage(..)) => build.take(),
            _ => None,
        };
        let Some(Build::Stage(watermark, make)) = build else {
            tree.leaves.push((node, input));
            return Box::new(Leaf(tree.leaves.len() - 1));
        };
        let own = watermark.map(|w| self.assigner(node, w, tree));
        let assigner = own.as_ref().or(assigner);
        let outs = self.outputs_of(node);
        let next = (0..outs).map(|out| self.tree(Port { node, out }, assigner, tree)).collect();
        make(StageInit::new(next, self.cx.workers, assigner.cloned()))
    }

    fn assigner(&mut self, node: usize, watermark: Watermark, tree: &mut Tree) -> Rc<Assigner> {
        let assigner = Rc::new(Assigner::new(watermark));
        tree.assigners.push(Rc::clone(&assigner));
        tree.timed.push(node);
        assigner
    }

    /// How many outputs of a node are read; at least one.
    fn outputs_of(&self, node: usize) -> usize {
        let range = Port { node, out: 0 }..Port { node: node + 1, out: 0 };
        self.consumers.range(range).map(|(port, _)| port.out + 1).max().unwrap_or(1)
    }
}

/// Who reads each output. A pass with one input is seen through, a union where no stateless node follows it.
fn consumers(graph: &Graph) -> BTreeMap<Port, Vec<Input>> {
    let nodes = graph.nodes.borrow();
    let is_pass = |n: usize| matches!(nodes[n].build, Some(Build::Pass));
    let mut direct: BTreeMap<Port, Vec<Input>> = BTreeMap::new();
    for (n, node) in nodes.iter().enumerate() {
        for (i, input) in node.inputs.iter().enumerate() {
            direct.entry(*input).or_default().push((n, i));
        }
    }
    let mut seen_through: BTreeMap<Port, Vec<Input>> = BTreeMap::new();
    for n in (0..nodes.len()).rev() {
        for (port, readers) in direct.range(Port { node: n, out: 0 }..Port { node: n + 1, out: 0 }) {
            let flat = readers.iter().flat_map(|(reader, input)| {
                let behind = seen_through.get(&Port { node: *reader, out: 0 }).cloned().unwrap_or_default();
                let relays = nodes[*reader].inputs.len() > 1
                    && behind.iter().any(|(b, _)| matches!(nodes[*b].build, Some(Build::Stage(..))));
                if is_pass(*reader) && !relays { behind } else { vec![(*reader, *input)] }
            });
            seen_through.insert(*port, flat.collect());
        }
    }
    seen_through
}

/// The event-time nodes whose watermarks hold for each node.
fn origins_above(graph: &Graph) -> Vec<BTreeSet<usize>> {
    let nodes = graph.nodes.borrow();
    let mut above: Vec<BTreeSet<usize>> = vec![];
    for (n, node) in nodes.iter().enumerate() {
        let timed_inputs = node.inputs.iter().enumerate().filter(|(i, _)| *i == 0 || node.rule != Rule::Beside);
        let all = timed_inputs.flat_map(|(_, input)| above[input.node].iter().copied()).collect();
        above.push(if node.rule == Rule::AssignsTime { BTreeSet::from([n]) } else { all });
    }
    above
}
