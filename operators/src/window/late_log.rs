//! What is said of records that are too late and go nowhere.
use millstream_runtime::time::{Timestamp, hours};
use std::time::Instant;

/// Late records are counted, and the first of each hour is logged.
pub(super) struct LateLog {
    uid: String,
    cure: &'static str,
    dropped: u64,
    said: Option<Instant>,
}

impl LateLog {
    /// `cure` says what to do about them.
    pub fn new(uid: &str, cure: &'static str) -> Self {
        Self { uid: uid.into(), cure, dropped: 0, said: None }
    }

    /// So many records, of which the first is of this time.
    pub fn note(&mut self, records: u64, at: Timestamp, watermark: Timestamp) {
        self.dropped += records;
        if self.said.is_none_or(|said| said.elapsed() > hours(1)) {
            self.said = Some(Instant::now());
            let Self { uid, cure, dropped, .. } = self;
            tracing::warn!(
                "{uid:?} has dropped {dropped} records that came after their windows had closed, the last of {at}, at \
                 watermark {watermark}; {cure}"
            );
        }
    }
}
