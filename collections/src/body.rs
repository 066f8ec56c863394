//! What a loop does in each round: steps in a row, drawn while its function runs.
use crate::Row;
use crate::collection::Place;
use crate::edge::{Round, Update, each};
use crate::verb::AnyVerb;
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::graph::At;
use millstream_runtime::native::{Edge, Epoch, Faults};
use millstream_runtime::parcel::Parcel;
use std::cell::RefCell;
use std::rc::Rc;
use timely::dataflow::operators::Enter;
use timely::dataflow::scope::Iterative;
use timely::order::Product;

/// The body of a loop under construction; a handle.
#[derive(Clone, Default)]
pub(crate) struct Body(Rc<RefCell<Drawn>>);

/// See [`Body`].
#[derive(Default)]
pub(crate) struct Drawn {
    steps: Vec<Step>,
    /// What is made outside and used inside, in the order of the steps that enter it.
    pub outside: Vec<At>,
}

enum Step {
    /// What goes round.
    Variable,
    /// A collection from outside: the next of `outside`, with how its batches get rounds.
    Entered(fn(Parcel) -> Result<Parcel>),
    Verb(Vec<usize>, Box<dyn AnyVerb>),
}

impl Body {
    /// With what goes round as its first step.
    pub fn new() -> (Self, Place) {
        let body = Self::default();
        let variable = body.push(Step::Variable);
        (body.clone(), Place::Loop(body, variable))
    }

    fn push(&self, step: Step) -> usize {
        let mut drawn = self.0.borrow_mut();
        drawn.steps.push(step);
        drawn.steps.len() - 1
    }

    pub fn add(&self, inputs: Vec<usize>, verb: Box<dyn AnyVerb>) -> Place {
        Place::Loop(self.clone(), self.push(Step::Verb(inputs, verb)))
    }

    /// The step that is a collection of records `D`; one from outside is brought in.
    #[track_caller]
    pub fn step_of<D: Row>(&self, place: Place) -> usize {
        match place {
            Place::Job(stream) => {
                self.0.borrow_mut().outside.push(stream.at().clone());
                self.push(Step::Entered(enter::<D>))
            }
            Place::Loop(body, step) if Rc::ptr_eq(&body.0, &self.0) => step,
            Place::Loop(..) => panic!("a collection of one loop is used in another; a loop gives only its result"),
        }
    }

    /// What was drawn.
    pub fn take(&self) -> Drawn {
        std::mem::take(&mut *self.0.borrow_mut())
    }
}

impl Drawn {
    /// Makes the operators, and gives what comes out of the step `result`.
    pub fn make<'i>(
        self,
        scope: Iterative<'i, Epoch, u64>,
        variable: Edge<'i, Round>,
        outside: Vec<Edge<'_, Epoch>>,
        result: usize,
        faults: &Faults,
    ) -> Option<Edge<'i, Round>> {
        let mut made: Vec<Edge<'i, Round>> = vec![];
        let mut outside = outside.into_iter();
        for step in self.steps {
            let edge = match step {
                Step::Variable => variable.clone(),
                Step::Entered(enter) => each(outside.next()?.enter(scope), "enter", faults, enter),
                Step::Verb(inputs, verb) => {
                    let inputs = inputs.into_iter().map(|input| made[input].clone()).collect();
                    verb.in_loop(inputs, faults)
                }
            };
            made.push(edge);
        }
        made.into_iter().nth(result)
    }
}

/// What comes from outside is there from the first round on.
pub(crate) fn enter<D: Row>(parcel: Parcel) -> Result<Parcel> {
    let updates = parcel.open::<Update<D, Epoch>>()?.into_parts().records;
    let entered = updates.into_iter().map(|(record, at, by)| (record, Product::new(at, 0), by));
    Ok(Parcel::new(Batch::from(entered.collect::<Vec<Update<D, Round>>>())))
}
