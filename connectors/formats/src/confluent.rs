//! The bytes that Confluent's serializers put before a record: `0`, the schema's id in four bytes, most significant
//! first; of Protobuf also which message of the schema it is.
use millstream_runtime::data::Bytes;

/// The first byte.
const MAGIC: u8 = 0;

/// The magic byte and the id.
const HEAD: usize = 5;

/// A message nests no deeper than this: a path of indexes is never longer.
const DEEPEST: usize = 32;

/// Takes the head off: the schema's id, and the rest.
///
/// ```
/// use millstream_formats::confluent;
/// assert_eq!(confluent::split(&[0, 0, 0, 1, 2, 7])?, (258, &[7][..]));
/// # Ok::<(), String>(())
/// ```
///
/// # Errors
/// Where the bytes do not begin with such a head.
pub fn split(record: &[u8]) -> Result<(u32, &[u8]), String> {
    match record {
        [MAGIC, a, b, c, d, rest @ ..] => Ok((u32::from_be_bytes([*a, *b, *c, *d]), rest)),
        [MAGIC, ..] => Err(format!("{} bytes, where the head with the schema's id alone has {HEAD}", record.len())),
        [first, ..] => Err(format!(
            "begins with byte {first:#04x}, not with 0x00 and a schema's id: it was not written by a serializer of a schema registry"
        )),
        [] => Err("is empty, where a schema's id is due".into()),
    }
}

/// Appends the head.
pub fn head(id: u32, out: &mut Bytes) {
    out.push(MAGIC);
    out.extend_from_slice(&id.to_be_bytes());
}

/// Takes the path of the message off: the index of its type in the schema's file, then of the type inside that one, and so
/// on. The first message of a file is written as one zero.
///
/// # Errors
/// Where the bytes end too early, or say an impossible path.
pub fn split_indexes(bytes: &[u8]) -> Result<(Vec<u32>, &[u8]), String> {
    let (count, mut rest) = zigzag(bytes)?;
    if count == 0 {
        return Ok((vec![0], rest));
    }
    let fine = usize::try_from(count).ok().filter(|count| *count <= DEEPEST);
    let count = fine.ok_or_else(|| format!("a path of {count} message indexes; there are at most {DEEPEST}"))?;
    let mut indexes = Vec::with_capacity(count);
    for _ in 0..count {
        let (index, behind) = zigzag(rest)?;
        indexes.push(u32::try_from(index).map_err(|_| format!("{index} is no message index"))?);
        rest = behind;
    }
    Ok((indexes, rest))
}

/// Appends the path of the message.
pub fn indexes(path: &[u32], out: &mut Bytes) {
    if path == [0] {
        out.push(0);
        return;
    }
    put_zigzag(path.len() as i64, out);
    path.iter().for_each(|index| put_zigzag((*index).into(), out));
}

/// A number in seven bits a byte, least significant first, the sign in the lowest bit: as in Avro.
pub(crate) fn zigzag(bytes: &[u8]) -> Result<(i64, &[u8]), String> {
    let mut number = 0u64;
    for (i, byte) in bytes.iter().enumerate().take(10) {
        let bits = u64::from(byte & 0x7f);
        if i == 9 && bits > 1 {
            break;
        }
        number |= bits << (7 * i);
        if byte & 0x80 == 0 {
            let signed = (number >> 1) as i64 ^ -((number & 1) as i64);
            return Ok((signed, bytes.get(i + 1..).unwrap_or_default()));
        }
    }
    Err(if bytes.len() < 10 { "ends within a number".into() } else { "a number of more than 64 bits".into() })
}

fn put_zigzag(number: i64, out: &mut Bytes) {
    let mut left = (number << 1 ^ number >> 63) as u64;
    while left >= 0x80 {
        out.push(left as u8 | 0x80);
        left >>= 7;
    }
    out.push(left as u8);
}
