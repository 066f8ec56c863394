//! Messages by their descriptors, as JSON: for programs that have no types for them.
use super::Framing;
use crate::registry::Subject;
use millstream_runtime::data::Bytes;
use prost::Message;
use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions};

/// The messages of one type, to JSON and back by the JSON mapping of Protobuf, with the fields' names as the `.proto` file
/// has them and 64-bit integers as numbers.
#[derive(Clone, Debug)]
pub struct Messages {
    descriptor: MessageDescriptor,
    framing: Framing,
}

impl Messages {
    /// The messages of a type: `shop.Order`. The descriptors are a `FileDescriptorSet`, as
    /// `protoc --include_imports --descriptor_set_out=FILE` and `buf build -o FILE` write it.
    ///
    /// # Errors
    /// Where the bytes are no such set, or the type is not in it; says which ones are.
    pub fn of(descriptors: &[u8], message: &str) -> Result<Self, String> {
        let pool = DescriptorPool::decode(descriptors).map_err(|e| {
            format!("no descriptor set: {e}; make one with `protoc --include_imports --descriptor_set_out=FILE`")
        })?;
        let descriptor = pool.get_message_by_name(message).ok_or_else(|| {
            let names: Vec<String> = pool.all_messages().take(20).map(|m| m.full_name().to_owned()).collect();
            format!("{message:?} is no message of the descriptors; there are {}", names.join(", "))
        })?;
        Ok(Self { descriptor, framing: Framing::Plain })
    }

    /// Behind the head of Confluent's serializers.
    pub fn confluent(mut self) -> Self {
        let path = path_of(&self.descriptor);
        self.framing = Framing::Confluent { path, subject: None };
        self
    }

    /// The same, and encodes under this subject, which must be resolved before the first record.
    pub fn subject(mut self, subject: &Subject) -> Self {
        let path = path_of(&self.descriptor);
        self.framing = Framing::Confluent { path, subject: Some(subject.clone()) };
        self
    }

    /// Decodes one record, and appends it as JSON. Fields that the descriptors do not have are left out.
    ///
    /// # Errors
    /// Where the bytes are no such message.
    pub fn to_json(&self, record: &[u8], out: &mut Bytes) -> Result<(), String> {
        let wrong = |e: prost::DecodeError| format!("no Protobuf message {}: {e}", self.descriptor.full_name());
        let message = DynamicMessage::decode(self.descriptor.clone(), self.framing.body(record)?).map_err(wrong)?;
        let options = SerializeOptions::new().stringify_64_bit_integers(false).use_proto_field_name(true);
        let options = options.skip_default_fields(false);
        let mut json = serde_json::Serializer::new(out);
        let written = message.serialize_with_options(&mut json, &options);
        written.map_err(|e| format!("a message {} has no JSON: {e}", self.descriptor.full_name()))
    }

    /// Appends the record that a JSON text says. A field that the message does not have is an error.
    ///
    /// # Errors
    /// Where the text is not of this message.
    pub fn put_json(&self, json: &[u8], out: &mut Bytes) -> Result<(), String> {
        let wrong = |e: serde_json::Error| format!("is no message {}: {e}", self.descriptor.full_name());
        let mut text = serde_json::Deserializer::from_slice(json);
        let options = DeserializeOptions::new().deny_unknown_fields(true);
        let message = DynamicMessage::deserialize_with_options(self.descriptor.clone(), &mut text, &options);
        let message = message.map_err(wrong)?;
        text.end().map_err(wrong)?;
        self.framing.head(out)?;
        message.encode(out).map_err(|e| format!("cannot be written as Protobuf: {e}"))
    }
}

/// The path of a message in its file: its index among the messages of the file, or of the message that it is inside of.
fn path_of(message: &MessageDescriptor) -> Vec<u32> {
    let mut path = match message.parent_message() {
        Some(parent) => path_of(&parent),
        None => vec![],
    };
    let before = match message.parent_message() {
        Some(parent) => parent.child_messages().position(|one| one == *message),
        None => message.parent_file().messages().position(|one| one == *message),
    };
    path.extend(before.and_then(|index| u32::try_from(index).ok()));
    path
}
