//! The formats of pipelines.
#[cfg(feature = "avro")]
pub(crate) mod avro;
pub(crate) mod bytes;
pub(crate) mod csv;
pub(crate) mod json;
#[cfg(feature = "protobuf")]
pub(crate) mod protobuf;
#[cfg(feature = "registry")]
mod schemas;

use crate::event::Event;
use crate::kind::{Encoder, FormatKind};
use millstream_formats::Encode;
use millstream_runtime::data::Bytes;
use std::sync::Arc;

/// The format of a sink, as sinks take it. A clone is a writer of its own.
pub struct EventFormat {
    kind: Arc<dyn FormatKind>,
    encoder: Option<Box<dyn Encoder>>,
}

impl EventFormat {
    pub(crate) fn new(kind: Arc<dyn FormatKind>) -> Self {
        Self { kind, encoder: None }
    }

    /// Whether its bytes are not for people.
    pub(crate) fn is_binary(&self) -> bool {
        self.kind.is_binary()
    }

    fn encoder(&mut self) -> &mut dyn Encoder {
        let kind = &self.kind;
        &mut **self.encoder.get_or_insert_with(|| kind.encoder())
    }
}

impl EventFormat {
    /// The bytes of one record, for sinks whose records are no lines. After an error the event is as it was.
    ///
    /// # Errors
    /// Where the format cannot say it.
    pub fn take(&mut self, event: &mut Event) -> Result<Bytes, String> {
        self.encoder().take(event)
    }
}

impl Clone for EventFormat {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.kind))
    }
}

impl Encode<Event> for EventFormat {
    fn encode(&mut self, event: &Event, out: &mut Bytes) -> Result<(), String> {
        self.encoder().encode(event, out)
    }

    fn extension(&self) -> &'static str {
        self.kind.extension()
    }

    fn begin_file(&mut self) {
        self.encoder().begin_file();
    }
}
