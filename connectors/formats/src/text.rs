//! Text and bytes as they are.
use millstream_runtime::data::Bytes;
use millstream_runtime::format::{Decode, Encode, utf8};
use std::fmt::Display;
use std::io::Write;

/// UTF-8 text as it is. A line break inside a record stays one: in a file it makes two lines of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Text;

impl Decode<String> for Text {
    fn decode(&mut self, bytes: &[u8]) -> Result<String, String> {
        utf8(bytes).map(str::to_owned)
    }
}

impl<T: Display> Encode<T> for Text {
    fn encode(&mut self, record: &T, out: &mut Bytes) -> Result<(), String> {
        write!(out, "{record}").map_err(|e| format!("cannot be written as text: {e}"))
    }
}

/// Bytes as they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Raw;

impl Decode<Bytes> for Raw {
    fn decode(&mut self, bytes: &[u8]) -> Result<Bytes, String> {
        Ok(bytes.to_vec())
    }
}

impl Encode<Bytes> for Raw {
    fn encode(&mut self, record: &Bytes, out: &mut Bytes) -> Result<(), String> {
        out.extend_from_slice(record);
        Ok(())
    }

    fn extension(&self) -> &'static str {
        "raw"
    }
}
