//! What a verb does to collections, in the job's time and in that of a loop.
use crate::edge::{Round, Time};
use millstream_runtime::native::{Edge, Epoch, Faults};

/// Makes the operators of one verb. The inputs are those that it was drawn with, in order.
pub(crate) trait Verb: 'static {
    fn make<'s, T: Time>(self, inputs: Vec<Edge<'s, T>>, faults: &Faults) -> Edge<'s, T>;
}

/// The same, where neither the verb nor the time is a type parameter.
pub(crate) trait AnyVerb {
    fn in_job<'s>(self: Box<Self>, inputs: Vec<Edge<'s, Epoch>>, faults: &Faults) -> Edge<'s, Epoch>;
    fn in_loop<'s>(self: Box<Self>, inputs: Vec<Edge<'s, Round>>, faults: &Faults) -> Edge<'s, Round>;
}

impl<V: Verb> AnyVerb for V {
    fn in_job<'s>(self: Box<Self>, inputs: Vec<Edge<'s, Epoch>>, faults: &Faults) -> Edge<'s, Epoch> {
        self.make(inputs, faults)
    }

    fn in_loop<'s>(self: Box<Self>, inputs: Vec<Edge<'s, Round>>, faults: &Faults) -> Edge<'s, Round> {
        self.make(inputs, faults)
    }
}

/// The first input; and the second. A verb is made with as many as it was drawn with.
pub(crate) fn one<E>(inputs: Vec<E>) -> E {
    inputs.into_iter().next().expect("a verb has an input")
}

/// Both inputs of a verb with two.
pub(crate) fn two<E>(inputs: Vec<E>) -> (E, E) {
    let mut inputs = inputs.into_iter();
    let both = inputs.next().zip(inputs.next());
    both.expect("a verb of two collections has two inputs")
}
