//! What is said of records that are too late and go nowhere.
use millstream_runtime::time::{Timestamp, hours};
use std::time::Instant;

/// Late records are counted, and the first of each hour is logged.
pub(crate) struct LateLog {
    uid: String,
    missed: &'static str,
    cure: &'static str,
    dropped: u64,
    said: Option<Instant>,
}

impl LateLog {
    /// `missed` says what was over when they came, `cure` what to do about them.
    pub fn new(uid: &str, missed: &'static str, cure: &'static str) -> Self {
        Self { uid: uid.into(), missed, cure, dropped: 0, said: None }
    }

    /// So many records, of which the first is of this time.
    pub fn note(&mut self, records: u64, at: Timestamp, watermark: Timestamp) {
        self.dropped += records;
        if self.said.is_none_or(|said| said.elapsed() > hours(1)) {
            self.said = Some(Instant::now());
            let Self { uid, missed, cure, dropped, .. } = self;
            tracing::warn!(
                "{uid:?} has dropped {dropped} records that came after {missed}, the last of {at}, at watermark {watermark}; \
                 {cure}"
            );
        }
    }
}
