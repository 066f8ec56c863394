//! The one place where this module takes randomness and the wall clock.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Read;

/// Sixteen random bytes as 32 lower-case hex digits: incarnations, nonces, request ids.
#[must_use]
pub fn random_id() -> String {
    format!("{:032x}", u128::from_le_bytes(random_bytes()))
}

/// Milliseconds since the Unix epoch by this machine's clock. For people and for names, never for decisions.
#[must_use]
pub fn now_ms() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0)
}

fn random_bytes() -> [u8; 16] {
    let mut bytes = [0; 16];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    if read.is_err() {
        // The standard library seeds each RandomState from the operating system's randomness.
        for half in bytes.chunks_exact_mut(8) {
            half.copy_from_slice(&RandomState::new().build_hasher().finish().to_le_bytes());
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    #[test]
    fn ids_are_long_and_differ() {
        let (a, b) = (super::random_id(), super::random_id());
        assert_eq!(a.len(), 32);
        assert_ne!(a, b);
    }
}
