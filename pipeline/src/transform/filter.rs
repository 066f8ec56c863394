//! `filter`: the records for which a condition holds.
use crate::draw::node::Node;
use crate::event::Event;
use crate::expression::Expression;
use crate::kind::TransformKind;
use millstream_operators::{Job, Result, Stream};
use serde::Deserialize;

/// `condition = '.status == "paid"'`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    condition: Expression,
}

impl TransformKind for Filter {
    fn apply(&self, _job: &Job, input: Stream<Event>, node: &Node<'_>) -> Result<Vec<Stream<Event>>> {
        let condition = self.condition.clone();
        let kept = input.try_flat_map(move |event: Event, out| match condition.holds(&event) {
            Ok(true) => {
                out.push(event);
                Ok(())
            }
            Ok(false) => Ok(()),
            Err(reason) => Err(event.letter(reason)),
        });
        Ok(vec![node.settle(kept)])
    }
}
