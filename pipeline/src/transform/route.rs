//! `route`: records by named conditions.
use crate::draw::node::Node;
use crate::event::Event;
use crate::expression::Expression;
use crate::kind::{TransformKind, Wrong};
use millstream_operators::{Job, Result, Stream};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The output of records for which no condition holds.
const OTHERS: &str = "others";

/// `routes = { eu = '.region == "eu"' }`: the outputs are `uid.eu` and `uid.others`. A record goes to every route whose
/// condition holds, and to `others` where none does.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Route {
    routes: BTreeMap<String, Expression>,
}

impl TransformKind for Route {
    fn outputs(&self) -> Vec<String> {
        self.routes.keys().cloned().chain([OTHERS.into()]).collect()
    }

    fn check(&self) -> Vec<Wrong> {
        let is_name = |name: &String| !name.is_empty() && !name.contains('.') && name != OTHERS;
        let mut wrong = vec![];
        if self.routes.is_empty() {
            wrong.push(Wrong::new("routes", "are none: write routes = { eu = '.region == \"eu\"' }"));
        }
        for name in self.routes.keys().filter(|name| !is_name(name)) {
            let what = format!("{name:?} is no name of a route: it has no dot, and {OTHERS:?} is taken");
            wrong.push(Wrong::new("routes", what));
        }
        wrong
    }

    fn apply(&self, _job: &Job, input: Stream<Event>, node: &Node<'_>) -> Result<Vec<Stream<Event>>> {
        let conditions: Vec<Expression> = self.routes.values().cloned().collect();
        let ways = conditions.len() + 1;
        let chosen = input.try_flat_map(move |event: Event, out| match ways_of(&conditions, &event) {
            Ok(ways) => {
                out.push((event, ways));
                Ok(())
            }
            Err(reason) => Err(event.letter(reason)),
        });
        let routed = node.settle(chosen).route(ways, |(_, ways): &(Event, Vec<u16>), to| {
            to.extend(ways.iter().map(|way| usize::from(*way)));
        });
        Ok(routed.into_iter().map(|stream| stream.map(|(event, _)| event)).collect())
    }
}

/// The numbers of the routes of a record.
fn ways_of(conditions: &[Expression], event: &Event) -> Result<Vec<u16>, String> {
    let mut ways = vec![];
    for (way, condition) in (0..).zip(conditions) {
        if condition.holds(event)? {
            ways.push(way);
        }
    }
    if ways.is_empty() {
        ways.push(u16::try_from(conditions.len()).unwrap_or(u16::MAX));
    }
    Ok(ways)
}
