//! Protobuf: a record is one message, plain or behind the head of Confluent's serializers.
mod messages;

pub use messages::Messages;

use crate::confluent;
use crate::registry::Subject;
use millstream_runtime::data::Bytes;
use millstream_runtime::format::{Decode, Encode};
use prost::Message;

/// How records begin.
#[derive(Clone, Debug)]
enum Framing {
    /// With the message.
    Plain,
    /// With a schema's id, and the path of the message in its file.
    Confluent { path: Vec<u32>, subject: Option<Subject> },
}

impl Framing {
    /// Takes the head off.
    fn body<'a>(&self, record: &'a [u8]) -> Result<&'a [u8], String> {
        let Self::Confluent { path, .. } = self else { return Ok(record) };
        let (_, rest) = confluent::split(record)?;
        let (found, body) = confluent::split_indexes(rest)?;
        match found == *path {
            true => Ok(body),
            false => Err(format!("is message {found:?} of its schema; this format reads message {path:?}")),
        }
    }

    fn head(&self, out: &mut Bytes) -> Result<(), String> {
        let Self::Confluent { path, subject } = self else { return Ok(()) };
        let subject = subject.as_ref().ok_or("this format decodes: encode with a subject")?;
        confluent::head(subject.resolved()?.0, out);
        confluent::indexes(path, out);
        Ok(())
    }
}

/// Types that prost makes of `.proto` files.
///
/// ```
/// use millstream_formats::{Decode, Encode, Protobuf};
/// #[derive(Clone, PartialEq, prost::Message)]
/// struct Order { #[prost(uint64, tag = "1")] id: u64 }
/// let (mut protobuf, mut bytes) = (Protobuf::plain(), vec![]);
/// protobuf.encode(&Order { id: 7 }, &mut bytes)?;
/// assert_eq!(bytes, [8, 7]);
/// assert_eq!(Decode::<Order>::decode(&mut protobuf, &bytes)?, Order { id: 7 });
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug)]
pub struct Protobuf(Framing);

impl Protobuf {
    /// Messages without a head.
    pub fn plain() -> Self {
        Self(Framing::Plain)
    }

    /// Decodes messages behind the head of Confluent's serializers. The path says which message of its file the type is:
    /// `[0]` is the first one, `[2, 0]` the first inside of the third. A record of another message is an error. The registry
    /// is not asked, since the type knows all fields.
    pub fn confluent(path: &[u32]) -> Self {
        Self(Framing::Confluent { path: path.into(), subject: None })
    }

    /// The same, and encodes under this subject, which must be resolved before the first record: see [`Subject::resolve`].
    pub fn subject(path: &[u32], subject: &Subject) -> Self {
        Self(Framing::Confluent { path: path.into(), subject: Some(subject.clone()) })
    }
}

impl<T: Message + Default> Decode<T> for Protobuf {
    fn decode(&mut self, bytes: &[u8]) -> Result<T, String> {
        T::decode(self.0.body(bytes)?).map_err(|e| format!("no Protobuf of this type: {e}"))
    }
}

impl<T: Message> Encode<T> for Protobuf {
    fn encode(&mut self, record: &T, out: &mut Bytes) -> Result<(), String> {
        self.0.head(out)?;
        record.encode(out).map_err(|e| format!("cannot be written as Protobuf: {e}"))
    }

    fn extension(&self) -> &'static str {
        "binpb"
    }
}
