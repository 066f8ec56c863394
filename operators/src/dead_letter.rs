//! What is kept of a record that failed: one form for every operator, in Rust and in pipelines.
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use millstream_runtime::data::{Schema, State};
use millstream_runtime::source::Received;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

/// A record that failed. In JSON `{"source","offset","reason","raw"}`, with `"encoding":"base64"` where `raw` is no text.
/// Where the record still is a [`Received`], source and offset are known.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DeadLetter {
    /// Topic, file or stream.
    pub source: Option<String>,
    /// As the source counts: of a file, the byte where the line starts.
    pub offset: Option<u64>,
    /// Why it failed.
    pub reason: String,
    /// The text of the record, or base64 where it is none; of a record that is no bytes any more, its JSON.
    pub raw: String,
    /// `base64`, or none.
    #[serde(default)]
    pub encoding: Option<String>,
}

/// No letter holds more than so many bytes of a record.
const RAW_MOST: usize = 1 << 20;

impl Serialize for DeadLetter {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let short = s.is_human_readable() && self.encoding.is_none();
        let mut fields = s.serialize_struct("DeadLetter", if short { 4 } else { 5 })?;
        fields.serialize_field("source", &self.source)?;
        fields.serialize_field("offset", &self.offset)?;
        fields.serialize_field("reason", &self.reason)?;
        fields.serialize_field("raw", &self.raw)?;
        if !short {
            fields.serialize_field("encoding", &self.encoding)?;
        }
        fields.end()
    }
}

impl State for DeadLetter {
    const SCHEMA: Schema = Schema::new("DeadLetter", 1, "{source,offset,reason,raw,encoding}");
}

impl DeadLetter {
    /// Of bytes as a source read them.
    pub fn received(record: &Received<Vec<u8>>, reason: String) -> Self {
        let (raw, encoding) = text_of(&record.value);
        let source = Some(record.meta.source.to_string());
        Self { source, offset: Some(record.meta.offset), reason, raw, encoding }
    }

    /// Of a record that is a value already.
    pub fn of<T: Serialize>(record: &T, reason: String) -> Self {
        let raw = serde_json::to_vec(record).unwrap_or_else(|e| format!("(no JSON: {e})").into_bytes());
        let (raw, encoding) = text_of(&raw);
        Self { source: None, offset: None, reason, raw, encoding }
    }

    /// When a letter is worth a line in the log: the first of each hour.
    pub fn log_line(&self) -> String {
        let source = self.source.as_deref().unwrap_or("a record");
        let offset = self.offset.map_or(String::new(), |o| format!(" at {o}"));
        format!("{source}{offset}: {}", self.reason)
    }
}

/// Text as it is, anything else in base64; cut to a bound.
fn text_of(bytes: &[u8]) -> (String, Option<String>) {
    let head = bytes.get(..RAW_MOST).unwrap_or(bytes);
    match std::str::from_utf8(head) {
        Ok(text) => (text.into(), None),
        Err(e) if e.error_len().is_none() && head.len() < bytes.len() => {
            (String::from_utf8_lossy(head.get(..e.valid_up_to()).unwrap_or(&[])).into_owned(), None)
        }
        Err(_) => (BASE64_STANDARD.encode(head), Some("base64".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_the_four_fields_and_the_encoding_only_where_it_is_needed() {
        let letter = DeadLetter::of(&1u8, "no".into());
        let json = serde_json::to_string(&letter).unwrap();
        assert_eq!(json, r#"{"source":null,"offset":null,"reason":"no","raw":"1"}"#);
        assert_eq!(serde_json::from_str::<DeadLetter>(&json).unwrap(), letter);
    }
}
