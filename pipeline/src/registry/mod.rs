//! Which types of nodes and which formats there are.
mod fields;

#[cfg(feature = "avro")]
use crate::format::avro;
#[cfg(feature = "protobuf")]
use crate::format::protobuf;
use crate::format::{bytes, csv, json};
use crate::kind::{FormatKind, SinkKind, SourceKind, TransformKind};
use crate::transform;
use fields::fields_of;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use toml::de::ValueDeserializer;

/// The types that files may name. A connector adds its own: `millstream_file::pipeline::register(&mut registry)`.
pub struct Registry {
    pub(crate) sources: Kinds<dyn SourceKind>,
    pub(crate) transforms: Kinds<dyn TransformKind>,
    pub(crate) sinks: Kinds<dyn SinkKind>,
    pub(crate) formats: Kinds<dyn FormatKind>,
}

/// Kinds of one sort by name.
pub(crate) type Kinds<K> = BTreeMap<&'static str, Kind<K>>;

/// One type: the keys of its table, and how it is read.
pub(crate) struct Kind<K: ?Sized> {
    pub fields: &'static [&'static str],
    pub read: fn(ValueDeserializer<'_>) -> Result<Box<K>, toml::de::Error>,
}

impl Default for Registry {
    /// The formats and transforms that need no connector.
    fn default() -> Self {
        let mut all = Self {
            sources: BTreeMap::new(),
            transforms: BTreeMap::new(),
            sinks: BTreeMap::new(),
            formats: BTreeMap::new(),
        };
        all.format::<bytes::Bytes>("bytes");
        all.format::<bytes::Text>("text");
        all.format::<json::Json>("json");
        all.format::<csv::Csv>("csv");
        #[cfg(feature = "avro")]
        all.format::<avro::Avro>("avro");
        #[cfg(feature = "protobuf")]
        all.format::<protobuf::Protobuf>("protobuf");
        transform::register(&mut all);
        all
    }
}

impl Registry {
    /// Adds a type of source.
    pub fn source<K: SourceKind + DeserializeOwned>(&mut self, name: &'static str) {
        let read = |d: ValueDeserializer<'_>| K::deserialize(d).map(|k| Box::new(k) as Box<dyn SourceKind>);
        self.sources.insert(name, Kind { fields: fields_of::<K>(), read });
    }

    /// Adds a type of transform.
    pub fn transform<K: TransformKind + DeserializeOwned>(&mut self, name: &'static str) {
        let read = |d: ValueDeserializer<'_>| K::deserialize(d).map(|k| Box::new(k) as Box<dyn TransformKind>);
        self.transforms.insert(name, Kind { fields: fields_of::<K>(), read });
    }

    /// Adds a type of sink.
    pub fn sink<K: SinkKind + DeserializeOwned>(&mut self, name: &'static str) {
        let read = |d: ValueDeserializer<'_>| K::deserialize(d).map(|k| Box::new(k) as Box<dyn SinkKind>);
        self.sinks.insert(name, Kind { fields: fields_of::<K>(), read });
    }

    /// Adds a format. Its options stand in a table of its name: `csv = { delimiter = ";" }`.
    pub fn format<K: FormatKind + DeserializeOwned>(&mut self, name: &'static str) {
        let read = |d: ValueDeserializer<'_>| K::deserialize(d).map(|k| Box::new(k) as Box<dyn FormatKind>);
        self.formats.insert(name, Kind { fields: fields_of::<K>(), read });
    }
}
