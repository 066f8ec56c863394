//! From what a source reads to events.
use crate::event::{Event, Naming, Payload};
use crate::expression::Expression;
use crate::json::{Num, Val};
use crate::kind::Decoder;
use millstream_operators::dead_letter::DeadLetter;
use millstream_runtime::data::Bytes;
use millstream_runtime::source::{Meta, Received};
use millstream_runtime::time::Timestamp;

/// Decodes the records of one source on one worker.
pub(super) struct Decode {
    pub naming: Naming,
    pub decoder: Box<dyn Decoder>,
    pub event_time: Option<Expression>,
    pub needs_time: bool,
}

impl Decode {
    /// The event, or a letter with the bytes as they were read.
    pub fn event(&mut self, record: Received<Bytes>) -> Result<Event, DeadLetter> {
        let Received { value, meta } = record;
        if let Some(fault) = &meta.fault {
            let reason = fault.to_string();
            return Err(letter(value, meta, reason));
        }
        let payload = match meta.tombstone {
            true => Payload::from(Val::Null),
            false => match self.decoder.decode(value) {
                Ok(payload) => payload,
                Err((reason, bytes)) => return Err(letter(bytes, meta, reason)),
            },
        };
        let mut event = Event { payload, time: meta.timestamp, meta, naming: self.naming };
        match self.time(&event) {
            Ok(time) => event.time = time,
            Err(reason) => return Err(event.letter(reason)),
        }
        Ok(event)
    }

    fn time(&self, event: &Event) -> Result<Timestamp, String> {
        match &self.event_time {
            Some(expression) => timestamp(&expression.one(event)?).map_err(|e| format!("event_time: {e}")),
            None if self.needs_time && event.time == Timestamp::MIN => Err("the record has no timestamp".into()),
            None => Ok(event.time),
        }
    }
}

fn letter(value: Bytes, meta: Meta, reason: String) -> DeadLetter {
    DeadLetter::received(&Received { value, meta }, reason)
}

/// Milliseconds since 1970, or RFC 3339 text.
fn timestamp(value: &Val) -> Result<Timestamp, String> {
    let wrong = || format!("{} is no time: milliseconds since 1970, or RFC 3339 text", crate::json::to_text(value));
    match value {
        Val::Num(Num::Int(millis)) => Ok(Timestamp(*millis as i64)),
        Val::Num(Num::Float(millis)) if millis.is_finite() => Ok(Timestamp(*millis as i64)),
        Val::Num(Num::Dec(digits)) => digits.parse::<f64>().map(|millis| Timestamp(millis as i64)).map_err(|_| wrong()),
        Val::TStr(text) => std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or_else(wrong),
        _ => Err(wrong()),
    }
}
