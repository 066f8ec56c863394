//! `values`: drops the metadata.
use crate::Stream;
use millstream_runtime::data::Data;
use millstream_runtime::source::Received;

impl<T: Data> Stream<Received<T>> {
    /// Drops the metadata.
    #[track_caller]
    pub fn values(self) -> Stream<T> {
        self.map(|received| received.value)
    }
}
