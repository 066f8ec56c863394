//! A record to be written, and its bytes in the write-ahead.
//!
//! ```text
//! record  := topic partition timestamp key value count header*
//! topic   := option            absent: the sink's own
//! partition := varint          0: the partitioner chooses; else the number + 1
//! timestamp := 0 | 1 i64       little-endian milliseconds; 0: the broker's or client's time
//! key, value := option
//! header  := length name option
//! option  := varint bytes      0: absent; else the length + 1
//! varint  := seven bits a byte, lowest first; the high bit says that more follow
//! ```
use millstream_runtime::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A record as Kafka has it. What is absent is left to the sink or to the partitioner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KafkaRecord {
    /// Another topic than the sink's.
    pub topic: Option<String>,
    /// The partition; else the key's hash decides, as Java's clients hash.
    pub partition: Option<i32>,
    /// Event time; else the time of sending.
    pub timestamp: Option<Timestamp>,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value; none is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers, in order; a value may be absent.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// A record inside of a write-ahead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RecordRef<'a> {
    pub topic: Option<&'a str>,
    pub partition: Option<i32>,
    pub timestamp: Option<i64>,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: Vec<(&'a str, Option<&'a [u8]>)>,
}

/// What a record weighs in a batch beside its key, value and headers, at most.
const OVERHEAD: usize = 80;

impl KafkaRecord {
    /// A value for the sink's topic.
    pub fn of(value: impl Into<Vec<u8>>) -> Self {
        Self { value: Some(value.into()), ..Self::default() }
    }

    /// At most so many bytes in a batch of its own, before compression.
    pub(crate) fn batch_bytes(&self) -> usize {
        let header = |(name, value): &(String, Option<Vec<u8>>)| name.len() + value.as_ref().map_or(0, Vec::len) + 10;
        let length = |part: &Option<Vec<u8>>| part.as_ref().map_or(0, Vec::len);
        OVERHEAD + length(&self.key) + length(&self.value) + self.headers.iter().map(header).sum::<usize>()
    }

    /// Appends its bytes.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        option(out, self.topic.as_deref().map(str::as_bytes));
        varint(out, self.partition.map_or(0, |p| u64::from(p.unsigned_abs()) + 1));
        match self.timestamp {
            None => out.push(0),
            Some(at) => {
                out.push(1);
                out.extend_from_slice(&at.0.to_le_bytes());
            }
        }
        option(out, self.key.as_deref());
        option(out, self.value.as_deref());
        varint(out, self.headers.len() as u64);
        for (name, value) in &self.headers {
            varint(out, name.len() as u64);
            out.extend_from_slice(name.as_bytes());
            option(out, value.as_deref());
        }
    }
}

impl<'a> From<&'a KafkaRecord> for RecordRef<'a> {
    fn from(record: &'a KafkaRecord) -> Self {
        Self {
            topic: record.topic.as_deref(),
            partition: record.partition,
            timestamp: record.timestamp.map(|at| at.0),
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            headers: record.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect(),
        }
    }
}

fn varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn option(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    varint(out, bytes.map_or(0, |b| b.len() as u64 + 1));
    out.extend_from_slice(bytes.unwrap_or_default());
}

/// Takes the first record off the bytes; none where they are broken.
pub(crate) fn decode<'a>(bytes: &mut &'a [u8]) -> Option<RecordRef<'a>> {
    let topic = take_option(bytes)?.map(std::str::from_utf8).transpose().ok()?;
    let partition = match take_varint(bytes)? {
        0 => None,
        n => Some(i32::try_from(n - 1).ok()?),
    };
    let timestamp = match bytes.split_off_first()? {
        0 => None,
        1 => Some(i64::from_le_bytes(bytes.split_off(..8)?.try_into().ok()?)),
        _ => return None,
    };
    let (key, value) = (take_option(bytes)?, take_option(bytes)?);
    let count = take_varint(bytes)?;
    let mut headers = Vec::with_capacity(usize::try_from(count).ok()?.min(bytes.len()));
    for _ in 0..count {
        let length = usize::try_from(take_varint(bytes)?).ok()?;
        let name = std::str::from_utf8(bytes.split_off(..length)?).ok()?;
        headers.push((name, take_option(bytes)?));
    }
    Some(RecordRef { topic, partition, timestamp, key, value, headers })
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut n = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.split_off_first()?;
        n |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(n);
        }
    }
    None
}

fn take_option<'a>(bytes: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    match take_varint(bytes)? {
        0 => Some(None),
        n => Some(Some(bytes.split_off(..usize::try_from(n - 1).ok()?)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::option::of;
    use proptest::prelude::*;

    fn records() -> impl Strategy<Value = KafkaRecord> {
        let bytes = || of(vec(any::<u8>(), 0..200));
        let headers = vec(("[a-zü]{0,9}", bytes()), 0..4);
        let place = (of("[a-z.]{1,9}"), of(0..i32::MAX), of(any::<i64>()));
        (place, bytes(), bytes(), headers).prop_map(|((topic, partition, timestamp), key, value, headers)| {
            KafkaRecord { topic, partition, timestamp: timestamp.map(Timestamp), key, value, headers }
        })
    }

    proptest! {
        #[test]
        fn what_is_written_ahead_comes_back(all in vec(records(), 0..8)) {
            let mut bytes = vec![];
            all.iter().for_each(|record| record.encode(&mut bytes));
            let mut rest = &bytes[..];
            for record in &all {
                let back = decode(&mut rest).unwrap();
                let headers: Vec<_> = back.headers.iter().map(|(n, v)| (n.to_string(), v.map(<[u8]>::to_vec))).collect();
                prop_assert_eq!(&headers, &record.headers);
                prop_assert_eq!(back.topic, record.topic.as_deref());
                prop_assert_eq!(back.partition, record.partition);
                prop_assert_eq!(back.timestamp, record.timestamp.map(|t| t.0));
                prop_assert_eq!(back.key, record.key.as_deref());
                prop_assert_eq!(back.value, record.value.as_deref());
            }
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn broken_bytes_are_refused_without_a_panic(bytes in vec(any::<u8>(), 0..300)) {
            let mut rest = &bytes[..];
            while !rest.is_empty() && decode(&mut rest).is_some() {}
        }
    }
}
