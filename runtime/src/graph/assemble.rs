//! From the graph to timely operators on one worker.
//!
//! Stateless nodes become stages inside the source or operator before them; only sources, operators with state, sinks,
//! and unions that a stateless node follows become timely operators.
mod looping;
mod native;

use super::above::{Above, above};
use super::fit::accepts;
use super::node::{Build, DelayingBuild, Graph, OperatorBuild, OperatorInit, Port, Rule};
use super::source_build::SourceBuild;
use crate::Result;
use crate::checkpoint::OperatorInfo;
use crate::engine::delaying::Work;
use crate::engine::epoch::Epoch;
use crate::engine::marks::Marks;
use crate::engine::operator::{Wiring, operator};
use crate::engine::origin::{Reporter, collector};
use crate::engine::ports::ParcelStream;
use crate::engine::relay::relay;
use crate::engine::sink::Opening;
use crate::engine::source::{SourceSpec, source};
use crate::engine::stage::{Assigner, Fork, Leaf, Next, StageInit};
use crate::engine::tick::{Mark, Tick};
use crate::engine::ticker::ticker;
use crate::engine::watch::watch;
use crate::engine::worker::WorkerCx;
use crate::sink::SinkName;
use crate::time::{Timestamp, Watermark};
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
        above: above(graph),
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

/// What an operator hears of besides records.
#[derive(Clone, Copy)]
struct Hears {
    /// Watermarks.
    marks: bool,
    /// The ends of all that is above it.
    ends: bool,
    ticks: bool,
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
    /// The origins above each node.
    above: Vec<Above>,
    /// The edges that are ready, by the input they go to.
    edges: BTreeMap<Input, Vec<ParcelStream<'s>>>,
    /// The marks of each origin's node, with the node that reports them.
    marks: BTreeMap<usize, (usize, StreamVec<'s, Epoch, Mark>)>,
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
            Some(Build::Delaying(build)) => self.delaying(node, build),
            Some(Build::Sink(build)) => {
                self.accept(&build.info(&self.uid(node)))?;
                let exchange = build.is_in_lanes();
                let (job, incarnation) = (self.cx.job.to_string(), self.cx.incarnation.to_string());
                let name = SinkName { job, incarnation, uid: self.uid(node), workers: self.cx.workers };
                let restored = self.cx.restored.as_deref();
                let (logic, committer) = build.open(Opening { name, worker: self.cx.index, restored })?;
                self.cx.committers.borrow_mut().push(committer);
                self.made.sinks += 1;
                let hears = Hears { marks: false, ends: false, ticks: false };
                self.run(node, Work::AtOnce(logic), exchange, hears)
            }
            Some(Build::Native(build)) => self.native(node, build),
            Some(Build::Pass) => self.relay(node),
            Some(Build::Loop) => self.iterate(node),
            Some(Build::Stage(..) | Build::Again | Build::Leave) | None => Ok(()),
        }
    }

    fn uid(&self, node: usize) -> String {
        let nodes = self.graph.nodes.borrow();
        nodes[node].uid.clone().unwrap_or_else(|| format!("{} {node}", nodes[node].verb))
    }

    fn source(&mut self, node: usize, build: Box<dyn SourceBuild>) -> Result<()> {
        let (uid, place) = (self.uid(node), self.sources);
        let info = build.info(&uid);
        self.accept(&info)?;
        self.sources += 1;
        let mut tree = Tree::default();
        let next = self.tree(Port { node, out: 0 }, None, &mut tree);
        let first = self.made.origins.len() as u32;
        for (i, timed) in tree.timed.iter().enumerate() {
            self.add_origin(*timed, format!("{uid}/{i}"));
        }
        let (all, own) = self.splits_of(&uid)?;
        if self.cx.index == 0 {
            let published = (0..tree.timed.len()).map(|i| self.restored_mark(&format!("{uid}/{i}"))).collect();
            self.cx.discovery.borrow_mut().add(self.cx.workers, published, all);
        }
        let (cx, origins) = (self.cx, tree.assigners.len());
        let is_aligned = tree.assigners.iter().any(|assigner| assigner.is_aligned());
        let front = is_aligned.then(|| cx.control.fronts.own(place, origins, cx.index, cx.workers));
        let splits = build.run(&uid, tree.assigners.clone(), front, own)?;
        let spec =
            SourceSpec { uid: uid.clone(), operator: self.made.operators.len(), place, outputs: tree.leaves.len() };
        let (streams, reports) = source(self.cx, self.scope, self.ticks.clone(), spec, splits, next);
        let end = self.is_end_heard(node).then(|| self.add_origin(node, format!("{uid}/end")));
        let marks = collector(self.cx, Reporter::Source { place: place as usize, first, end }, reports);
        for origin in tree.timed.iter().chain(end.map(|_| &node)) {
            self.marks.insert(*origin, (node, marks.clone()));
        }
        self.connect(tree.leaves, streams);
        self.made.operators.push(info);
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
        let hears = Hears { marks: build.event_time, ends: build.end, ticks: build.processing_time };
        let logic = self.make(node, hears, build.make)?;
        self.run(node, Work::AtOnce(logic), build.exchange, hears)
    }

    fn delaying(&mut self, node: usize, build: DelayingBuild) -> Result<()> {
        let hears = Hears { marks: true, ends: true, ticks: true };
        let logic = self.make(node, hears, build.make)?;
        self.run(node, Work::Delayed(logic), build.exchange, hears)
    }

    fn make<L>(&self, node: usize, hears: Hears, make: impl FnOnce(&OperatorInit<'_>) -> Result<L>) -> Result<L> {
        let uid = self.uid(node);
        let restored = self.cx.restored.as_deref();
        let (worker, workers, first) = (self.cx.index, self.cx.workers, self.cx.first);
        let may_drop = self.cx.drop_state.contains(&uid);
        let watermark = self.marks_for(node, hears).watermark();
        let now = Timestamp(restored.map_or(self.cx.start_now, |r| r.manifest().processing_time_ms));
        let info = restored.and_then(|r| r.operator(&uid));
        let state_backend = &self.cx.state_backend;
        make(&OperatorInit {
            uid: &uid,
            worker,
            workers,
            watermark,
            now,
            info,
            restored,
            first,
            may_drop,
            state_backend,
        })
    }

    /// Whether what the checkpoint has for a uid is of such an operator.
    fn accept(&self, now: &OperatorInfo) -> Result<()> {
        let stored = self.cx.restored.as_deref().and_then(|r| r.operator(&now.uid));
        Ok(stored.map_or(Ok(()), |stored| accepts(stored, now))?)
    }

    fn run(&mut self, node: usize, mut work: Work, exchange: bool, hears: Hears) -> Result<()> {
        let uid = self.uid(node);
        let (inputs_of, rule) = (self.graph.nodes.borrow()[node].inputs.len(), self.graph.nodes.borrow()[node].rule);
        let crosses = |i: usize| exchange || (i > 0 && rule == Rule::Beside);
        let inputs = (0..inputs_of).map(|i| (self.edges.remove(&(node, i)).unwrap_or_default(), crosses(i))).collect();
        let marks = self.marks_for(node, hears);
        let mut tree = Tree::default();
        let next = self.tree(Port { node, out: 0 }, None, &mut tree);
        let wiring = Wiring {
            uid,
            operator: self.made.operators.len(),
            inputs,
            marks: self.marks_of(node, hears),
            ticks: hears.ticks.then(|| self.ticks.clone()),
            outputs: tree.leaves.len(),
        };
        let info = work.logic().info();
        self.accept(&info)?;
        self.made.operators.push(info);
        let (streams, reports) = operator(self.cx, self.scope, wiring, work, marks, next);
        if let Some(reports) = reports {
            let origin = self.add_origin(node, self.uid(node));
            self.cx.delaying.borrow_mut().insert(origin, i64::MIN);
            self.marks.insert(node, (node, collector(self.cx, Reporter::Delaying { origin }, reports)));
        }
        if tree.leaves.is_empty() {
            self.ends.extend(streams.iter().cloned());
        }
        self.connect(tree.leaves, streams);
        Ok(())
    }

    fn add_origin(&mut self, node: usize, name: String) -> u32 {
        let origin = self.made.origins.len() as u32;
        self.origin_of.insert(node, origin);
        self.made.origins.push(name);
        origin
    }

    /// Whether an operator waits for the end of this source, and no event time of the source tells it.
    fn is_end_heard(&self, source: usize) -> bool {
        let nodes = self.graph.nodes.borrow();
        let waits = |n: &usize| match &nodes[*n].build {
            Some(Build::Delaying(_)) => true,
            Some(Build::Operator(build)) => build.end,
            _ => false,
        };
        (source..nodes.len()).filter(waits).any(|n| self.above[n].ends.contains(&source))
    }

    /// The nodes whose promises an operator hears of.
    fn heard(&self, node: usize, hears: Hears) -> BTreeSet<usize> {
        let Above { timed, ends } = &self.above[node];
        let timed = timed.iter().filter(|_| hears.marks);
        timed.chain(ends.iter().filter(|_| hears.ends)).copied().collect()
    }

    /// What the checkpoint says of the origins that an operator hears of.
    fn marks_for(&self, node: usize, hears: Hears) -> Marks {
        let (mut applied, mut ends) = (BTreeMap::new(), BTreeSet::new());
        for heard in self.heard(node, hears) {
            let Some(origin) = self.origin_of.get(&heard) else { continue };
            if self.above[node].timed.contains(&heard) {
                let name = self.made.origins.get(*origin as usize).map_or("", String::as_str);
                applied.insert(*origin, self.restored_mark(name));
            } else {
                ends.insert(*origin);
            }
        }
        Marks::new(applied, ends, self.cx.start_now)
    }

    /// One stream of marks for each reporter.
    fn marks_of(&self, node: usize, hears: Hears) -> Vec<StreamVec<'s, Epoch, Mark>> {
        let heard = self.heard(node, hears);
        let by_reporter: BTreeMap<_, _> = heard.iter().filter_map(|n| self.marks.get(n).cloned()).collect();
        by_reporter.into_values().collect()
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
