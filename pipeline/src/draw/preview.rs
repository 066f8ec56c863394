//! `run --dry-run N`: the first results of each sink on standard output, and nothing else.
use crate::event::Event;
use crate::format::EventFormat;
use crate::kind::FormatKind;
use millstream_formats::Encode;
use millstream_operators::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::run::Status;
use millstream_runtime::sink::{Delivery, Sink, Staging, Writer, now};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// How many results are still wanted, by the uid of the sink; shared by all workers. When no sink wants one, the run
/// stops.
#[derive(Clone)]
pub(crate) struct Preview {
    wanted: Arc<Mutex<BTreeMap<String, u64>>>,
    status: Arc<Status>,
}

impl Preview {
    /// So many results of each of these sinks.
    pub fn new(results: u64, sinks: impl Iterator<Item = String>, status: Arc<Status>) -> Self {
        Self { wanted: Arc::new(Mutex::new(sinks.map(|uid| (uid, results)).collect())), status }
    }

    /// What stands in the place of a sink.
    pub fn sink(&self, uid: &str, format: Arc<dyn FormatKind>) -> Previewed {
        Previewed { uid: uid.into(), preview: self.clone(), format: EventFormat::new(format) }
    }

    /// Whether one more result of the sink is wanted.
    fn take(&self, uid: &str) -> bool {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(left) = wanted.get_mut(uid).filter(|left| **left > 0) else { return false };
        *left -= 1;
        if wanted.values().all(|left| *left == 0) {
            self.status.stop();
        }
        true
    }
}

/// The stand-in of one sink.
#[derive(Clone)]
pub(crate) struct Previewed {
    uid: String,
    preview: Preview,
    format: EventFormat,
}

impl Sink<Event> for Previewed {
    type Writer = Self;

    fn open(&self, _worker: usize, _staged: &[()]) -> Result<Self> {
        Ok(self.clone())
    }

    fn commit(&self, _staged: ()) -> Staging<()> {
        now(Ok(()))
    }

    fn delivery(&self) -> Delivery {
        Delivery::AtLeastOnce
    }
}

impl Writer<Event> for Previewed {
    type Committable = ();

    fn write(&mut self, batch: &mut Batch<Event>) -> Result<()> {
        let mut lines = vec![];
        for event in batch.drain() {
            if !self.preview.take(&self.uid) {
                break;
            }
            lines.extend_from_slice(self.uid.as_bytes());
            lines.extend_from_slice(b": ");
            match self.format.is_binary() {
                true => event.payload.write_json(&mut lines),
                false => {
                    self.format.encode(&event, &mut lines).map_err(|e| format!("sink {:?}: a record {e}", self.uid))?;
                }
            }
            lines.push(b'\n');
        }
        Ok(io::stdout().lock().write_all(&lines).map_err(|e| format!("standard output: {e}"))?)
    }

    fn prepare(&mut self, _n: u64) -> Staging<Vec<()>> {
        now(Ok(vec![]))
    }
}
