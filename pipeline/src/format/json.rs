//! `json`: a record is a JSON value.
use crate::event::{Event, Payload};
use crate::kind::{Decoder, Encoder, FormatKind};
use millstream_runtime::data::Bytes;
use serde::Deserialize;

/// JSON: what comes in is read at once, and what no program touches leaves as it came.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Json {}

impl FormatKind for Json {
    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(Codec)
    }

    fn encoder(&self) -> Box<dyn Encoder> {
        Box::new(Codec)
    }

    fn extension(&self) -> &'static str {
        "jsonl"
    }
}

struct Codec;

impl Decoder for Codec {
    fn decode(&mut self, bytes: Bytes) -> Result<Payload, (String, Bytes)> {
        Payload::json(bytes)
    }
}

impl Encoder for Codec {
    fn encode(&mut self, event: &Event, out: &mut Bytes) -> Result<(), String> {
        event.payload.write_json(out);
        Ok(())
    }

    fn take(&mut self, event: &mut Event) -> Result<Bytes, String> {
        match &mut event.payload {
            Payload::Value { text: Some(text), .. } => Ok(std::mem::take(text)),
            _ => {
                let mut out = vec![];
                self.encode(event, &mut out)?;
                Ok(out)
            }
        }
    }
}
