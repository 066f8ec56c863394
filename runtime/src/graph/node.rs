//! Nodes, and the handle with which verbs add them.
use super::source_build::{SourceBuild, SourceOf};
use crate::checkpoint::{Entry, OperatorInfo};
use crate::data::Data;
use crate::engine::commits::Committer;
use crate::engine::lanes::LaneDealer;
use crate::engine::logic::{Delayed, Logic};
use crate::engine::sink::{self, Opening};
use crate::engine::stage::{Next, StageInit};
use crate::native::Native;
use crate::run::restored::Restored;
use crate::sink::{Delivery, Sink};
use crate::source::Source;
use crate::state::StateBackend;
use crate::time::{Timestamp, Watermark};
use crate::{Result, codec};
use std::cell::RefCell;
use std::ops::Range;
use std::panic::Location;
use std::rc::Rc;

/// What an operator asks of, and does to, the stream that goes through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Brings records into the graph.
    Source {
        /// Whether they can be read again.
        replayable: bool,
    },
    /// Stateless: splits stay apart, event time stays.
    Keeps,
    /// Exchange, union, state, calls in flight: splits are mixed from here on.
    Mixes,
    /// State, and a second input beside the stream, which crosses workers and brings neither time nor splits. Splits are
    /// mixed from here on.
    Beside,
    /// Mixes splits, and what comes out has no event time: changes of a collection.
    LosesTime,
    /// Reads event times, per split.
    AssignsTime,
    /// Works in event time.
    NeedsTime,
    /// Works in event time and per split: directly behind `event_time`.
    NeedsSplitsAndTime,
    /// Takes records out of the graph.
    Sink(Delivery),
}

/// How a node is made on a worker.
pub(crate) enum Build {
    /// A source.
    Source(Box<dyn SourceBuild>),
    /// A stateless operator; with a watermark, one that reads event times.
    Stage(Option<Watermark>, Box<dyn FnOnce(StageInit) -> Next>),
    /// The same stream, for a rule's sake; or several streams as one.
    Pass,
    /// The beginning of a loop.
    Loop,
    /// Where a loop's records go round again.
    Again,
    /// Where they leave it.
    Leave,
    /// An operator with state.
    Operator(OperatorBuild),
    /// An operator that waits for the world.
    Delaying(DelayingBuild),
    /// Operators on timely itself, without anything for a checkpoint.
    Native(Native),
    /// A sink.
    Sink(Box<dyn SinkBuild>),
}

/// Makes an operator's logic, with the state of the checkpoint.
pub type Make<L> = Box<dyn FnOnce(&OperatorInit<'_>) -> Result<Box<L>>>;

/// How an operator with state is made.
pub struct OperatorBuild {
    /// Whether its inputs cross workers: their batches have targets. One that is [`Rule::Beside`] always does.
    pub exchange: bool,
    /// Whether it needs watermarks.
    pub event_time: bool,
    /// Whether it needs processing time.
    pub processing_time: bool,
    /// Whether it needs to know that the input is over, also where no event time tells it: [`Turn::is_over`].
    ///
    /// [`Turn::is_over`]: crate::logic::Turn::is_over
    pub end: bool,
    /// Makes its logic, with the state of the checkpoint.
    pub make: Make<dyn Logic>,
}

/// How an operator that waits for the world is made. It always hears of watermarks and processing time.
pub struct DelayingBuild {
    /// Whether its inputs cross workers: their batches have targets.
    pub exchange: bool,
    /// Makes its logic, with the state of the checkpoint.
    pub make: Make<dyn Delayed>,
}

/// What an operator's logic is made with.
pub struct OperatorInit<'a> {
    /// Its uid.
    pub uid: &'a str,
    /// Which worker this is.
    pub worker: usize,
    /// How many there are.
    pub workers: usize,
    /// Its watermark in the checkpoint; the start of time where nothing is restored.
    pub watermark: Timestamp,
    /// Processing time in the checkpoint; where nothing is restored, that of the start.
    pub now: Timestamp,
    pub(crate) info: Option<&'a OperatorInfo>,
    /// None where only the fit is judged: then there are no entries.
    pub(crate) restored: Option<&'a Restored>,
    pub(crate) first: u64,
    pub(crate) may_drop: bool,
    pub(crate) state_backend: &'a StateBackend,
}

impl OperatorInit<'_> {
    /// Where the operator's keyed state is to be while it runs.
    pub fn state_backend(&self) -> &StateBackend {
        self.state_backend
    }

    /// The key groups that this worker owns.
    pub fn groups(&self) -> Range<u16> {
        codec::groups_of(self.worker, self.workers)
    }

    /// What the checkpoint tells of the operator; none where nothing is restored.
    pub fn info(&self) -> Option<&OperatorInfo> {
        self.info
    }

    /// The uid under which the operator's keyed sections stand in the checkpoint.
    pub fn section(&self) -> &str {
        self.info().map_or(self.uid, |info| info.section.as_str())
    }

    /// The number of this attempt's first checkpoint.
    pub fn first_number(&self) -> u64 {
        self.first
    }

    /// Whether the user says that state which the operator does not know may be dropped.
    pub fn may_drop_state(&self) -> bool {
        self.may_drop
    }

    /// The same as another operator's, for all key groups: for who has a copy of its state.
    pub fn whole_of<'b>(&'b self, uid: &'b str) -> OperatorInit<'b> {
        let info = self.restored.and_then(|restored| restored.operator(uid));
        OperatorInit { uid, worker: 0, workers: 1, info, ..*self }
    }

    /// Gives every entry of the operator's state in this worker's key groups, older before newer.
    ///
    /// # Errors
    /// Where the checkpoint cannot be read, or `apply` refuses an entry.
    pub fn entries(&self, apply: &mut dyn FnMut(u16, Entry<'_>) -> Result<()>) -> Result<()> {
        match self.restored {
            Some(restored) => restored.keyed(self.section(), self.groups(), apply),
            None => Ok(()),
        }
    }
}

/// A sink, before it is opened.
pub(crate) trait SinkBuild {
    /// What a checkpoint tells of it.
    fn info(&self, uid: &str) -> OperatorInfo;
    /// Whether its records go to the worker of their lane.
    fn is_in_lanes(&self) -> bool;

    /// Opens it on a worker, with what the checkpoint says is staged.
    ///
    /// # Errors
    /// As the sink's.
    fn open(self: Box<Self>, at: Opening<'_>) -> Result<(Box<dyn Logic>, Box<dyn Committer>)>;
}

struct SinkOf<T, S>(S, std::marker::PhantomData<fn(T)>);

impl<T: Data, S: Sink<T>> SinkBuild for SinkOf<T, S> {
    fn info(&self, uid: &str) -> OperatorInfo {
        sink::info::<T, S>(uid)
    }

    fn is_in_lanes(&self) -> bool {
        self.0.lanes().is_some()
    }

    fn open(self: Box<Self>, at: Opening<'_>) -> Result<(Box<dyn Logic>, Box<dyn Committer>)> {
        let (logic, committer) = sink::open::<T, S>(at, self.0)?;
        Ok((Box::new(logic), committer))
    }
}

/// One output of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Port {
    pub node: usize,
    pub out: usize,
}

pub(crate) struct Node {
    pub verb: &'static str,
    pub uid: Option<String>,
    /// What a plan calls it, where it has no uid.
    pub label: Option<String>,
    pub at: &'static Location<'static>,
    pub inputs: Vec<Port>,
    pub rule: Rule,
    pub build: Option<Build>,
    /// What the verb says of its own arguments: what is wrong, and what to do.
    pub mistakes: Vec<(String, String)>,
}

impl Node {
    pub fn name(&self) -> String {
        match (&self.uid, &self.label) {
            (Some(uid), _) => format!("{} {uid:?}", self.verb),
            (None, Some(label)) => label.clone(),
            (None, None) => self.verb.into(),
        }
    }
}

/// The graph under construction; a handle, cheap to clone.
#[derive(Clone, Default)]
pub struct Graph {
    pub(crate) nodes: Rc<RefCell<Vec<Node>>>,
}

/// A handle on the graph and on one output of one node.
#[derive(Clone)]
pub struct At {
    graph: Graph,
    port: Port,
}

impl Graph {
    /// Adds a source.
    #[track_caller]
    pub fn source<S: Source>(&self, uid: &str, source: S) -> At {
        let rule = Rule::Source { replayable: source.replayable() };
        self.add("source", Some(uid), vec![], rule, Build::Source(Box::new(SourceOf::new(source))))
    }

    #[track_caller]
    fn add(&self, verb: &'static str, uid: Option<&str>, inputs: Vec<Port>, rule: Rule, build: Build) -> At {
        let mut nodes = self.nodes.borrow_mut();
        let at = Location::caller();
        let (uid, build) = (uid.map(Into::into), Some(build));
        nodes.push(Node { verb, uid, label: None, at, inputs, rule, build, mistakes: vec![] });
        At { graph: self.clone(), port: Port { node: nodes.len() - 1, out: 0 } }
    }
}

impl At {
    /// Another output of the same node.
    pub fn output(&self, out: usize) -> At {
        At { graph: self.graph.clone(), port: Port { node: self.port.node, out } }
    }

    /// The graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// What plans and errors call the node, where it has no uid.
    pub fn label(&self, label: &str) {
        if let Some(node) = self.graph.nodes.borrow_mut().get_mut(self.port.node) {
            node.label = Some(label.into());
        }
    }

    /// Says that what the node was asked for makes no sense: what is wrong, and what to do. The graph is refused with it.
    pub fn refuse(&self, what: &str, help: &str) {
        if let Some(node) = self.graph.nodes.borrow_mut().get_mut(self.port.node) {
            node.mistakes.push((what.into(), help.into()));
        }
    }

    /// Adds a stateless operator.
    #[track_caller]
    pub fn stage(&self, verb: &'static str, rule: Rule, make: impl FnOnce(StageInit) -> Next + 'static) -> At {
        self.graph.add(verb, None, vec![self.port], rule, Build::Stage(None, Box::new(make)))
    }

    /// Adds an operator that reads event times.
    #[track_caller]
    pub fn event_time(&self, watermark: Watermark, make: impl FnOnce(StageInit) -> Next + 'static) -> At {
        let build = Build::Stage(Some(watermark), Box::new(make));
        self.graph.add("event_time", None, vec![self.port], Rule::AssignsTime, build)
    }

    /// The same stream, of which more is asked from here on.
    #[track_caller]
    pub fn pass(&self, verb: &'static str, rule: Rule) -> At {
        self.graph.add(verb, None, vec![self.port], rule, Build::Pass)
    }

    /// Two streams of one type as one.
    #[track_caller]
    pub fn union(&self, other: &At) -> At {
        self.graph.add("union", None, vec![self.port, other.port], Rule::Mixes, Build::Pass)
    }

    /// Adds an operator with state.
    #[track_caller]
    pub fn operator(&self, verb: &'static str, uid: &str, rule: Rule, build: OperatorBuild) -> At {
        self.graph.add(verb, Some(uid), vec![self.port], rule, Build::Operator(build))
    }

    /// Adds an operator that waits for the world: behind it, its own watermark takes the place of those above it, and it
    /// is known in checkpoints by its uid.
    #[track_caller]
    pub fn delaying(&self, verb: &'static str, uid: &str, rule: Rule, build: DelayingBuild) -> At {
        self.graph.add(verb, Some(uid), vec![self.port], rule, Build::Delaying(build))
    }

    /// Adds an operator with state and a second input.
    #[track_caller]
    pub fn meet(&self, other: &At, verb: &'static str, uid: &str, rule: Rule, build: OperatorBuild) -> At {
        self.graph.add(verb, Some(uid), vec![self.port, other.port], rule, Build::Operator(build))
    }

    /// Adds an operator with a second input that has nothing of its own in a checkpoint, hence no uid.
    #[track_caller]
    pub fn beside(&self, other: &At, verb: &'static str, rule: Rule, build: OperatorBuild) -> At {
        self.graph.add(verb, None, vec![self.port, other.port], rule, Build::Operator(build))
    }

    /// Begins a loop: what follows, up to [`At::close_loop`], is its body.
    #[track_caller]
    pub fn open_loop(&self, uid: &str) -> At {
        self.graph.add("iterate", Some(uid), vec![self.port], Rule::Mixes, Build::Loop)
    }

    /// Closes a loop behind an operator with two outputs: what comes out of the first goes round again, what comes out of
    /// the second leaves.
    #[track_caller]
    pub fn close_loop(&self) -> At {
        self.graph.add("again", None, vec![self.output(0).port], Rule::Mixes, Build::Again);
        self.graph.add("end of iterate", None, vec![self.output(1).port], Rule::Mixes, Build::Leave)
    }

    /// Adds operators on timely itself, with further inputs beside this one.
    #[doc(hidden)]
    #[track_caller]
    pub fn native(&self, others: &[At], verb: &'static str, rule: Rule, build: Native) -> At {
        let inputs = std::iter::once(self).chain(others).map(|at| at.port).collect();
        self.graph.add(verb, None, inputs, rule, Build::Native(build))
    }

    /// Adds a sink.
    #[track_caller]
    pub fn sink<T: Data, S: Sink<T>>(&self, uid: &str, sink: S) {
        self.sink_of(Location::caller(), uid, sink);
    }

    /// Adds a sink that the user asked for at another place than this call's.
    pub fn sink_of<T: Data, S: Sink<T>>(&self, at: &'static Location<'static>, uid: &str, sink: S) {
        let rule = Rule::Sink(sink.delivery());
        let dealt = sink.lanes().map(|lanes| {
            self.stage("by_lane", Rule::Keeps, move |init| LaneDealer::boxed(lanes.record, init)) // ends here anyway
        });
        let build = Some(Build::Sink(Box::new(SinkOf(sink, std::marker::PhantomData))));
        let (uid, inputs) = (Some(uid.into()), vec![dealt.map_or(self.port, |dealt| dealt.port)]);
        let node = Node { verb: "sink", uid, label: None, at, inputs, rule, build, mistakes: vec![] };
        self.graph.nodes.borrow_mut().push(node);
    }
}
