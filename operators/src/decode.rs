//! `decode`: bytes to records.
use crate::Stream;
use crate::dead_letter::DeadLetter;
use crate::fallible::Fallible;
use millstream_runtime::data::{Bytes, Data};
use millstream_runtime::format::Decode;
use millstream_runtime::source::Received;

impl Stream<Received<Bytes>> {
    /// Every source of bytes is decoded by this one verb: `.decode::<Order>(Json)`, `.decode(parse)`.
    /// What the source itself found wrong, such as a line above the limit, fails here.
    #[track_caller]
    pub fn decode<T: Data>(self, mut format: impl Decode<T>) -> Fallible<Received<T>> {
        self.fallible("decode", move |record: Received<Bytes>, out| {
            let decoded = match &record.meta.fault {
                Some(fault) => Err(fault.to_string()),
                None => format.decode(&record.value),
            };
            match decoded {
                Ok(value) => out.push(Received { value, meta: record.meta }),
                Err(reason) => return Err(DeadLetter::received(&record, reason)),
            }
            Ok(())
        })
    }
}
