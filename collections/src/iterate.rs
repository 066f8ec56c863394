//! `iterate`: a loop within each epoch.
use crate::body::{Body, Drawn, enter};
use crate::collection::Place;
use crate::edge::{Changing, Round, each, pack, unpack};
use crate::{Collection, Row};
use differential_dataflow::AsCollection;
use differential_dataflow::operators::iterate::Variable;
use millstream_runtime::graph::Rule;
use millstream_runtime::native::{Edge, Epoch, Faults, Native, NativeInit};
use timely::dataflow::operators::Enter;
use timely::dataflow::operators::vec::Filter;
use timely::dataflow::scope::Iterative;
use timely::order::Product;

impl<D: Row> Collection<D> {
    /// What `f` makes of this collection when it is applied again and again, until nothing changes any more, but at most
    /// `rounds` times. All rounds belong to the epoch of the change that set them off. `f` may use collections from
    /// outside.
    ///
    /// Let `f` end with `distinct` or `reduce` where it would else add up for ever.
    ///
    /// ```
    /// # use millstream_collections::Collection;
    /// /// Which places can be reached from which, over any number of roads.
    /// fn reachable(roads: Collection<(u32, u32)>) -> Collection<(u32, u32)> {
    ///     roads.clone().iterate(1000, move |ways| {
    ///         let ends = ways.map(|(from, to)| (to, from));
    ///         ends.join(roads.clone(), |_via, from, to| (*from, *to)).concat(roads).distinct()
    ///     })
    /// }
    /// ```
    ///
    /// # Panics
    /// Inside another loop, and where a collection of one loop is used in another.
    #[track_caller]
    pub fn iterate(self, rounds: u64, f: impl FnOnce(Collection<D>) -> Collection<D>) -> Collection<D> {
        let Place::Job(start) = self.place else { panic!("iterate inside iterate: a loop cannot contain another one") };
        if rounds == 0 {
            return Collection::at(Place::Job(start));
        }
        let (body, variable) = Body::new();
        let result = body.step_of::<D>(f(Collection::at(variable)).place);
        let drawn = body.take();
        let turns = Loop { drawn, result, rounds };
        let others = turns.drawn.outside.clone();
        let make: Native = Box::new(move |init| turns.make::<D>(init));
        Collection::at(Place::Job(start.moved(start.at().native(&others, "iterate", Rule::Mixes, make))))
    }
}

/// A loop, drawn.
struct Loop {
    drawn: Drawn,
    /// The step of the body that is fed back.
    result: usize,
    rounds: u64,
}

impl Loop {
    fn make<'s, D: Row>(self, init: NativeInit<'s>) -> Edge<'s> {
        let NativeInit { scope: job, mut inputs, faults } = init;
        let outside = inputs.split_off(1);
        let start = crate::verb::one(inputs);
        pack(job.iterative::<u64, _, _>(|scope| {
            let start = each(start.enter(scope), "enter", &faults, enter::<D>);
            let result = self.turn::<D>(scope, start, outside, &faults);
            result.leave(job)
        }))
    }

    /// In round r the variable is what came out of round r - 1; in the first it is `start`. Fed back is only what differs
    /// from `start`, and what comes of the last round goes nowhere: so the variable stays as it was then.
    fn turn<'i, D: Row>(
        self,
        scope: Iterative<'i, Epoch, u64>,
        start: Edge<'i, Round>,
        outside: Vec<Edge<'_, Epoch>>,
        faults: &Faults,
    ) -> Changing<'i, Round, D> {
        let start: Changing<'i, Round, D> = unpack(start, faults);
        let (variable, back) = Variable::new(scope, Product::new(0, 1));
        let current = start.clone().concat(back);
        let last = self.rounds - 1;
        let made = self.drawn.make(scope, pack(current), outside, self.result, faults);
        let result: Changing<'i, Round, D> = unpack(made.expect("the result is a step of the body"), faults);
        // Without this, changes that cancel each other out would go round for ever.
        let differs = result.clone().concat(start.negate()).consolidate();
        variable.set(differs.inner.filter(move |(_, at, _)| at.inner < last).as_collection());
        result
    }
}
