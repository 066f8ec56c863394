//! `map`: what a program makes of each record: none, one or several.
use crate::draw::node::Node;
use crate::event::Event;
use crate::expression::Expression;
use crate::kind::TransformKind;
use millstream_operators::{Job, Result, Stream};
use serde::Deserialize;

/// `program = '{id, total: (.price * .quantity)}'`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Map {
    program: Expression,
}

impl TransformKind for Map {
    fn apply(&self, _job: &Job, input: Stream<Event>, node: &Node<'_>) -> Result<Vec<Stream<Event>>> {
        let (program, mut results) = (self.program.clone(), vec![]);
        let made = input.try_flat_map(move |event: Event, out| {
            results.clear();
            program.each(&event, |value| results.push(value)).map_err(|reason| event.letter(reason))?;
            let Some(last) = results.pop() else { return Ok(()) };
            out.extend(results.drain(..).map(|value| event.with(value)));
            out.push(event.turned_into(last)); // the usual case copies nothing
            Ok(())
        });
        Ok(vec![node.settle(made)])
    }
}
