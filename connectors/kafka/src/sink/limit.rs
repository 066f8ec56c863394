//! Records that a topic would refuse for their size: found before they are in a checkpoint, whose promise must be kept.
use crate::sink::Oversized;
use crate::sink::record::KafkaRecord;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

/// A dead letter holds no more than so many bytes of its record.
const RAW_MOST: usize = 256 << 10;

/// The limit, and what becomes of what is above it.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    pub topic: String,
    pub bytes: usize,
    pub oversized: Oversized,
}

impl Limit {
    /// The record, or a dead letter in its place.
    ///
    /// # Errors
    /// Where the record is too large, and the user has not said where such records go.
    pub fn apply(&self, record: KafkaRecord) -> Result<KafkaRecord, String> {
        let bytes = record.batch_bytes();
        if bytes <= self.bytes {
            return Ok(record);
        }
        let reason = format!("a record of {bytes} bytes is above the {} that topic {:?} takes", self.bytes, self.topic);
        match &self.oversized {
            Oversized::Fail => Err(format!("{reason}; raise its max.message.bytes, or say where such records go")),
            Oversized::DeadLetter(topic) => Ok(self.letter(topic, &record, &reason)),
        }
    }

    fn letter(&self, topic: &str, record: &KafkaRecord, reason: &str) -> KafkaRecord {
        let value = record.value.as_deref().unwrap_or_default();
        let head = value.get(..RAW_MOST.min(self.bytes / 4)).unwrap_or(value);
        let letter = match std::str::from_utf8(head) {
            Ok(text) => json!({"source": null, "offset": null, "reason": reason, "raw": text}),
            Err(_) => {
                let raw = BASE64_STANDARD.encode(head);
                json!({"source": null, "offset": null, "reason": reason, "raw": raw, "encoding": "base64"})
            }
        };
        let key = record.key.clone().filter(|key| key.len() < self.bytes / 4);
        KafkaRecord { topic: Some(topic.into()), key, ..KafkaRecord::of(letter.to_string()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(oversized: Oversized) -> Limit {
        Limit { topic: "t".into(), bytes: 1000, oversized }
    }

    #[test]
    fn a_record_above_the_limit_fails_and_says_why() {
        let says = limit(Oversized::Fail).apply(KafkaRecord::of(vec![b'x'; 1000])).unwrap_err();
        assert!(says.contains("\"t\"") && says.contains("1000"), "{says}");
        assert!(limit(Oversized::Fail).apply(KafkaRecord::of(vec![b'x'; 900])).is_ok());
    }

    #[test]
    fn a_dead_letter_of_it_fits() {
        let limit = limit(Oversized::DeadLetter("dead".into()));
        for value in [vec![b'x'; 5000], vec![0xff; 5000]] {
            let letter = limit.apply(KafkaRecord::of(value)).unwrap();
            assert_eq!(letter.topic.as_deref(), Some("dead"));
            assert!(letter.batch_bytes() <= 1000, "{}", letter.batch_bytes());
        }
    }
}
