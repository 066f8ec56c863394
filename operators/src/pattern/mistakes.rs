//! What of a pattern makes no sense: found when the graph is built.
use super::builder::Pattern;
use super::step::{Contiguity, Step};
use std::collections::HashSet;
use std::time::Duration;

/// Each step is a bit, and the end is one.
const STEPS_MAX: usize = 63;

/// What is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub what: String,
    pub help: String,
}

impl Mistake {
    fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { what: what.into(), help: help.into() }
    }

    /// Of the last step.
    pub fn of_step<T>(steps: &[Step<T>], what: &str, help: &str) -> Self {
        let name = steps.last().map_or("", |step| step.name.as_str());
        Self::new(format!("step {name:?} {what}"), help)
    }
}

impl<T> Pattern<T> {
    /// Everything that makes no sense.
    pub(super) fn mistakes(&self) -> Vec<Mistake> {
        let steps = self.steps.iter().enumerate();
        let of_steps = steps.flat_map(|(n, step)| {
            let ends_it = n + 1 == self.steps.len() && self.trailing.is_empty();
            step.mistakes(ends_it).into_iter().map(move |(what, help)| Mistake::of_step(&self.steps[..=n], &what, help))
        });
        self.mistakes.iter().cloned().chain(of_steps).chain(self.of_names()).chain(self.of_the_whole()).collect()
    }

    fn of_names(&self) -> Vec<Mistake> {
        let names: Vec<&str> = self.steps.iter().map(|step| step.name.as_str()).collect();
        let mut seen = HashSet::new();
        let twice = names.iter().filter(|name| !seen.insert(**name));
        let mut found: Vec<Mistake> = twice
            .map(|name| Mistake::new(format!("two steps are called {name:?}"), "give each its own name"))
            .collect();
        if let Some(named) = self.after_match.step().filter(|named| !names.contains(named)) {
            let what = format!("after a match it skips to step {named:?}, and there is none");
            found.push(Mistake::new(what, format!("name one of {names:?}")));
        }
        found
    }

    fn of_the_whole(&self) -> Vec<Mistake> {
        let mut found = vec![];
        let mut check = |is_wrong: bool, what: &str, help: &str| {
            found.extend(is_wrong.then(|| Mistake::new(what, help)));
        };
        let too_many = format!("it has {} steps, and there may be {STEPS_MAX}", self.steps.len());
        check(self.steps.len() > STEPS_MAX, &too_many, "make two patterns of it, one behind the other");
        let all_optional = self.steps.iter().all(|step| step.optional);
        check(all_optional, "every step is optional, so a match may have no event", "leave out one .optional()");
        check(
            self.within.is_none() && !self.trailing.between.is_empty(),
            "it ends with .not_followed_by(..), and has no .within(..): nobody knows when that is over",
            "add .within(..)",
        );
        check(
            self.within.is_some_and(|within| within < Duration::from_millis(1)),
            "no event comes .within(..) less than a millisecond, not even the first",
            "give it the longest time from the first event to the last",
        );
        check(
            self.under_way == 0,
            "no match may be under way with .at_most_under_way(0)",
            "allow as many as one key may need, or leave it out",
        );
        found
    }
}

impl<T> Step<T> {
    /// What is wrong with it, and what to do. `ends_it`: nothing is behind it.
    fn mistakes(&self, ends_it: bool) -> Vec<(String, &'static str)> {
        let Self { least, most, .. } = *self;
        let (is_single, is_fixed) = (most == 1, least == most && !self.optional);
        let verbs = [
            (self.inner == Contiguity::Strict, ".consecutive()"),
            (self.inner == Contiguity::Any, ".any_combination()"),
            (self.until.is_some(), ".until(..)"),
        ];
        let alone = verbs.into_iter().filter(|(is_said, _)| is_single && *is_said);
        let mut found: Vec<(String, &'static str)> = alone
            .map(|(_, verb)| {
                (format!("takes one event, and {verb} is about several"), "add .times(..) or leave it out")
            })
            .collect();
        let mut check = |is_wrong: bool, what: String, help| found.extend(is_wrong.then_some((what, help)));
        let count = format!("is to come {least} to {most} times, which is no count");
        check(least == 0 || least > most, count, "the least is 1, and .optional() allows none");
        check(
            self.greedy && is_fixed,
            format!("takes {most} events whether it is .greedy() or not"),
            "leave out .greedy(), or allow more with .times_between(..) or .one_or_more()",
        );
        check(
            self.greedy && !is_fixed && ends_it,
            "is .greedy() and the last: its match is there with each event, whatever follows".into(),
            "leave out .greedy(), or let a step or a .not_.. follow",
        );
        check(
            self.greedy && !is_single && self.inner == Contiguity::Any,
            "is .greedy(), which takes every event, and .any_combination(), which leaves some out".into(),
            "leave out one of the two",
        );
        found
    }
}
