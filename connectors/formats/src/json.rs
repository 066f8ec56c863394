//! JSON: a line, an element or a message is one value.
use millstream_runtime::data::Bytes;
use millstream_runtime::format::{Decode, Encode};
use serde::{Serialize, de::DeserializeOwned};

/// A line, an element or a message is a JSON value. Encoded it has no line break, so it is a line of a `.jsonl` file.
///
/// ```
/// use millstream_formats::{Decode, Encode, Json};
/// let mut out = vec![];
/// Json.encode(&(1, "one"), &mut out)?;
/// assert_eq!(out, br#"[1,"one"]"#);
/// assert_eq!(Decode::<(u64, String)>::decode(&mut Json, &out)?, (1, "one".to_string()));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl<T: DeserializeOwned> Decode<T> for Json {
    fn decode(&mut self, bytes: &[u8]) -> Result<T, String> {
        serde_json::from_slice(bytes).map_err(|e| format!("no JSON of this type: {e}"))
    }
}

impl<T: Serialize> Encode<T> for Json {
    fn encode(&mut self, record: &T, out: &mut Bytes) -> Result<(), String> {
        serde_json::to_writer(out, record).map_err(|e| format!("cannot be written as JSON: {e}"))
    }

    fn extension(&self) -> &'static str {
        "jsonl"
    }
}
