//! One line of text in front of a JSON body, so that no flipped bit of a small object goes unseen.
//!
//! `millstream manifest 1 0000001234 89abcdef\n{…}`: kind, format version, length of the body, crc32c of everything else.
//! The line is rebuilt from the body and compared, so that it is protected too.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{CheckpointError, Result};

/// The version of every small object.
const VERSION: u32 = 1;

/// The largest body, in bytes.
pub(super) const BODY_MAX: u64 = 64 << 20;

/// The largest object: a body and its line.
pub(super) const OBJECT_MAX: u64 = BODY_MAX + 128;

/// Turns a value into the bytes of an object of this kind.
pub(super) fn seal<T: Serialize>(kind: &str, name: &str, value: &T) -> Result<Bytes> {
    let body = serde_json::to_vec(value).map_err(|e| CheckpointError::refused(name, format!("it is not JSON: {e}")))?;
    if body.len() as u64 > BODY_MAX {
        return Err(CheckpointError::TooLarge { name: name.into(), len: body.len() as u64, max: BODY_MAX });
    }
    let mut bytes = line(kind, &body).into_bytes();
    bytes.extend_from_slice(&body);
    Ok(bytes.into())
}

/// Reads back what [`seal`] wrote.
pub(super) fn open<T: DeserializeOwned>(kind: &str, name: &str, bytes: &[u8]) -> Result<T> {
    let corrupt = |at: usize, what: String| CheckpointError::corrupt(name, at as u64, what);
    let Some(end) = bytes.iter().take(128).position(|&byte| byte == b'\n') else {
        return Err(corrupt(0, format!("it does not begin with the line of a millstream {kind}")));
    };
    let (head, body) = bytes.split_at(end + 1);
    check_line(kind, head, body).map_err(|what| corrupt(0, what))?;
    serde_json::from_slice(body).map_err(|e| corrupt(end + 1, format!("its JSON is not that of a {kind}: {e}")))
}

/// Compares the line with the one that the body should have, and says where they part.
fn check_line(kind: &str, head: &[u8], body: &[u8]) -> std::result::Result<(), String> {
    let wanted = line(kind, body);
    if head == wanted.as_bytes() {
        return Ok(());
    }
    let (head, wanted) = (String::from_utf8_lossy(head), wanted);
    for (field, (found, wanted)) in head.trim_end().split(' ').zip(wanted.trim_end().split(' ')).enumerate() {
        if found == wanted {
            continue;
        }
        return Err(match field {
            0 | 1 => format!("it is not a millstream {kind}"),
            2 => format!("it has format version {found}; this build reads {wanted}: use the build that wrote it"),
            3 => format!("its body should have {found} bytes and has {wanted}"),
            _ => format!("its checksum is {found}, computed is {wanted}"),
        });
    }
    Err("its first line is not well formed".into())
}

fn line(kind: &str, body: &[u8]) -> String {
    let front = format!("millstream {kind} {VERSION} {:010}", body.len());
    let crc = crc32c::crc32c_append(crc32c::crc32c(front.as_bytes()), body);
    format!("{front} {crc:08x}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let sealed = seal("test", "it", &vec!["one".to_string(), "two".to_string()]).unwrap();
        assert_eq!(open::<Vec<String>>("test", "it", &sealed).unwrap(), ["one", "two"]);
        for bit in 0..sealed.len() * 8 {
            let mut bytes = sealed.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(open::<Vec<String>>("test", "it", &bytes).is_err(), "bit {bit}");
        }
        for len in 0..sealed.len() {
            assert!(open::<Vec<String>>("test", "it", &sealed[..len]).is_err(), "cut to {len}");
        }
    }
}
