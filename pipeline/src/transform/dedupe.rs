//! `dedupe`: of the records with one key, the first within a time.
use crate::draw::node::Node;
use crate::event::Event;
use crate::expression::Expression;
use crate::json::canonical;
use crate::kind::{TransformKind, Wrong};
use millstream_operators::process::{Ctx, Process};
use millstream_operators::{Job, Result, Stream};
use millstream_runtime::state::Value;
use millstream_runtime::time::{Span, hours};
use serde::Deserialize;
use std::time::Duration;

/// `key = ".id"`, `ttl = "1h"`: a key is remembered for so long after it was first seen.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dedupe {
    key: Expression,
    #[serde(default = "default_ttl")]
    ttl: Span,
}

fn default_ttl() -> Span {
    Span(hours(24))
}

impl TransformKind for Dedupe {
    fn check(&self) -> Vec<Wrong> {
        let none = self.ttl.0.is_zero();
        if none { vec![Wrong::new("ttl", "is 0: every record would be the first")] } else { vec![] }
    }

    fn apply(&self, _job: &Job, input: Stream<Event>, node: &Node<'_>) -> Result<Vec<Stream<Event>>> {
        let (key, ttl) = (self.key.clone(), self.ttl.0);
        let keyed = input.try_flat_map(move |event: Event, out| match key.one(&event) {
            Ok(value) => {
                out.push((canonical(&value), event));
                Ok(())
            }
            Err(reason) => Err(event.letter(reason)),
        });
        let keyed = node.settle(keyed).key_by(|(key, _): &(String, Event)| key.clone());
        Ok(vec![keyed.process(node.uid(), First { ttl })])
    }
}

/// Hands on the first record of a key, and forgets the key when its time is over.
struct First {
    ttl: Duration,
}

impl Process for First {
    type Key = String;
    type In = (String, Event);
    type Out = Event;
    type State = Value<bool>;
    type Timer = ();

    fn on_record(&mut self, (_, event): (String, Event), ctx: &mut Ctx<Self>) {
        if !ctx.state.is_set() {
            ctx.state.set(true);
            ctx.timer_after(self.ttl, ());
            ctx.emit(event);
        }
    }

    fn on_timer(&mut self, _timer: (), ctx: &mut Ctx<Self>) {
        ctx.state.clear();
    }
}
