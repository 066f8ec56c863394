//! `bytes` and `text`: what came in, unchanged.
use crate::event::{Event, Payload};
use crate::kind::{Decoder, Encoder, FormatKind};
use millstream_runtime::data::Bytes as Raw;
use millstream_runtime::format::utf8;
use serde::Deserialize;

/// Bytes as they are. Of a value that a program made, its text, or its JSON.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bytes {}

impl FormatKind for Bytes {
    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(AsIs)
    }

    fn encoder(&self) -> Box<dyn Encoder> {
        Box::new(AsIs)
    }

    fn extension(&self) -> &'static str {
        "raw"
    }
}

/// The same, where what comes in must be UTF-8.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Text {}

impl FormatKind for Text {
    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(Checked)
    }

    fn encoder(&self) -> Box<dyn Encoder> {
        Box::new(AsIs)
    }
}

struct AsIs;

impl Decoder for AsIs {
    fn decode(&mut self, bytes: Raw) -> Result<Payload, (String, Raw)> {
        Ok(Payload::Raw(bytes))
    }
}

impl Encoder for AsIs {
    fn encode(&mut self, event: &Event, out: &mut Raw) -> Result<(), String> {
        event.payload.write_bytes(out);
        Ok(())
    }

    fn take(&mut self, event: &mut Event) -> Result<Raw, String> {
        match event.payload.take_bytes() {
            Some(bytes) => Ok(bytes),
            None => {
                let mut out = vec![];
                self.encode(event, &mut out)?;
                Ok(out)
            }
        }
    }
}

struct Checked;

impl Decoder for Checked {
    fn decode(&mut self, bytes: Raw) -> Result<Payload, (String, Raw)> {
        match utf8(&bytes).map(drop) {
            Ok(()) => Ok(Payload::Raw(bytes)),
            Err(e) => Err((e, bytes)),
        }
    }
}
