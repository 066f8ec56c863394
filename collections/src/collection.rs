//! The handle on a collection, and where its operators are made.
use crate::Row;
use crate::body::Body;
use crate::verb::{AnyVerb, Verb};
use millstream_operators::Stream;
use millstream_runtime::graph::Rule;
use millstream_runtime::native::Native;
use std::marker::PhantomData;

/// Records that change together: what comes of them is kept up to date as they do. Each record is there so many times;
/// [`Collection::changes`] gives what changes at the end of each epoch. Clone it to use it twice; it is computed once.
///
/// Functions that are given to its verbs must be pure: a restart computes again what was emitted before, and takes it
/// for granted that it comes out the same.
#[must_use = "a collection whose .changes() no sink ends does nothing"]
pub struct Collection<D> {
    pub(crate) place: Place,
    of: PhantomData<fn() -> D>,
}

/// Where a collection is made.
#[derive(Clone)]
pub(crate) enum Place {
    /// A node of the job's graph.
    Job(Stream<Changes>),
    /// A step of the body of a loop.
    Loop(Body, usize),
}

/// What goes from node to node: changes of records of a type that the two nodes know.
#[derive(Clone)]
pub(crate) enum Changes {}

impl<D> Clone for Collection<D> {
    fn clone(&self) -> Self {
        Self::at(self.place.clone())
    }
}

impl<D> Collection<D> {
    pub(crate) fn at(place: Place) -> Self {
        Self { place, of: PhantomData }
    }
}

impl<D: Row> Collection<D> {
    /// What a verb makes of this collection.
    #[track_caller]
    pub(crate) fn then<U>(self, name: &'static str, verb: impl Verb) -> Collection<U> {
        Collection::at(match self.place {
            Place::Job(stream) => in_job(stream, None, name, verb),
            Place::Loop(body, step) => body.add(vec![step], Box::new(verb)),
        })
    }

    /// What a verb makes of two collections. Where one is of a loop, the other is brought into it.
    #[track_caller]
    pub(crate) fn with<E: Row, U>(self, other: Collection<E>, name: &'static str, verb: impl Verb) -> Collection<U> {
        Collection::at(match (self.place, other.place) {
            (Place::Job(left), Place::Job(right)) => in_job(left, Some(right), name, verb),
            (Place::Loop(body, left), right) => {
                let right = body.step_of::<E>(right);
                body.add(vec![left, right], Box::new(verb))
            }
            (left, Place::Loop(body, right)) => {
                let left = body.step_of::<D>(left);
                body.add(vec![left, right], Box::new(verb))
            }
        })
    }
}

#[track_caller]
fn in_job(stream: Stream<Changes>, other: Option<Stream<Changes>>, name: &'static str, verb: impl Verb) -> Place {
    let others: Vec<_> = other.iter().map(|other| other.at().clone()).collect();
    let verb: Box<dyn AnyVerb> = Box::new(verb);
    let make: Native = Box::new(move |init| verb.in_job(init.inputs, &init.faults));
    Place::Job(stream.moved(stream.at().native(&others, name, Rule::Mixes, make)))
}
