//! The binary codec of records, keys and state, and the hash that places a key.
//!
//! The encoding is bincode 1.3 with fixed-width integers; it is on disk and on the wire, so it never changes.
use serde::{Serialize, de::DeserializeOwned};
use xxhash_rust::xxh3::xxh3_64;

/// How many key groups there are: the unit in which keys move between workers. On disk: never changes.
pub const KEY_GROUPS: u16 = 4096;

/// A single encoded value is at most this long; a longer one cannot be written, and is not read back.
pub const MAX_VALUE_BYTES: usize = 64 << 20;

/// Appends the encoding of `value` to `out`.
///
/// # Errors
/// Where serde cannot write the value, or it is longer than [`MAX_VALUE_BYTES`].
pub fn encode_into<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), String> {
    let from = out.len();
    bincode::serialize_into(&mut *out, value).map_err(|e| e.to_string())?;
    let len = out.len() - from;
    if len > MAX_VALUE_BYTES {
        out.truncate(from);
        return Err(format!("a value of {len} bytes is above the limit of {MAX_VALUE_BYTES}"));
    }
    Ok(())
}

/// The encoding of `value`.
///
/// # Errors
/// As [`encode_into`].
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    encode_into(value, &mut out)?;
    Ok(out)
}

/// Reads a value that fills `bytes` exactly. Claimed lengths inside are bounded by the bytes that are there.
///
/// # Errors
/// Where the bytes are no such value, or some are left over.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    use bincode::Options;
    let options = bincode::DefaultOptions::new().with_fixint_encoding().with_limit(bytes.len() as u64);
    options.reject_trailing_bytes().deserialize(bytes).map_err(|e| e.to_string())
}

/// The hash of a key's canonical encoding: xxh3, 64 bits, seed 0. On disk by way of [`key_group`]: never changes.
#[inline]
pub fn hash_bytes(encoded: &[u8]) -> u64 {
    xxh3_64(encoded)
}

/// An encoding of at most so many bytes is hashed where it was written, without a buffer on the heap.
const NEAR: usize = 64;

/// Hashes keys, with a buffer that is used again for long ones.
#[derive(Default)]
pub struct KeyHasher(Vec<u8>);

impl KeyHasher {
    /// See [`hash_bytes`]. A key that cannot be encoded hashes to 0; its operator's codec check has refused it by then.
    #[inline]
    pub fn hash<K: Serialize>(&mut self, key: &K) -> u64 {
        let mut near = [0; NEAR];
        let mut rest = near.as_mut_slice();
        if bincode::serialize_into(&mut rest, key).is_ok() {
            let len = NEAR - rest.len();
            return hash_bytes(&near[..len]);
        }
        self.hash_long(key)
    }

    #[inline(never)]
    fn hash_long<K: Serialize>(&mut self, key: &K) -> u64 {
        self.0.clear();
        match bincode::serialize_into(&mut self.0, key) {
            Ok(()) => hash_bytes(&self.0),
            Err(_) => 0,
        }
    }
}

/// The key group of a hash: bits 40 to 51, so that neither the low bits, which maps in memory use, nor the high ones,
/// which their tags use, are the same for all keys of a worker. On disk: never changes.
#[inline]
pub fn key_group(hash: u64) -> u16 {
    (hash >> 40) as u16 & (KEY_GROUPS - 1)
}

/// The worker, of `workers`, that owns a key group: contiguous ranges of equal size.
#[inline]
pub fn owner(group: u16, workers: usize) -> usize {
    usize::from(group) * workers / usize::from(KEY_GROUPS)
}

/// The key groups that `worker` of `workers` owns.
pub fn groups_of(worker: usize, workers: usize) -> std::ops::Range<u16> {
    let first = |w: usize| (w * usize::from(KEY_GROUPS)).div_ceil(workers.max(1)) as u16;
    first(worker)..first(worker + 1)
}

/// Encodes, decodes and encodes again. Catches in the first second what would else fail at the first restore: types
/// whose serde attributes need a self-describing format.
///
/// # Errors
/// Names the type and the usual attributes.
pub fn check_round_trip<T: Serialize + DeserializeOwned>(value: &T) -> Result<(), String> {
    let first = encode(value)?;
    let second = decode::<T>(&first).and_then(|back| encode(&back));
    if second.as_ref().is_ok_and(|s| *s == first) {
        return Ok(());
    }
    let how = second.err().unwrap_or_else(|| "it came back as another value".into());
    Err(format!(
        "a `{}` does not survive its encoding ({how}); usual causes: serde's `tag`, `untagged`, `flatten` or \
         `skip_serializing_if`, or a `serde_json::Value` inside; remove the attribute, or keep the part as JSON text",
        std::any::type_name::<T>()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placement_is_frozen() {
        let mut hasher = KeyHasher::default();
        assert_eq!(key_group(hasher.hash(&1u64)), 3161);
        assert_eq!(key_group(hasher.hash(&"millstream")), 1205);
    }

    #[test]
    fn ranges_agree_with_owners() {
        for workers in [1, 2, 3, 5, 7, 64, 4096] {
            for worker in 0..workers {
                for group in groups_of(worker, workers) {
                    assert_eq!(owner(group, workers), worker, "group {group} of {workers} workers");
                }
            }
            assert_eq!((0..workers).map(|w| groups_of(w, workers).len()).sum::<usize>(), usize::from(KEY_GROUPS));
        }
    }

    #[test]
    fn a_type_that_needs_a_self_describing_format_is_found() {
        #[derive(Serialize, serde::Deserialize)]
        #[serde(untagged)]
        enum Loose {
            Number(u64),
        }
        let says = check_round_trip(&Loose::Number(1)).unwrap_err();
        assert!(says.contains("untagged") && says.contains("Loose"), "{says}");
        check_round_trip(&(1u64, "x".to_string())).unwrap();
    }
}
