//! What every source must do: the same splits, the same records behind each offset, an end that stays one.
use super::RECORDS_MOST;
use millstream_runtime::batch::Batch;
use millstream_runtime::codec;
use millstream_runtime::source::{OffsetOf, Progress, Reader, Source, Splits};
use std::time::{Duration, Instant};

/// A split is opened again at so many of its offsets.
const OFFSETS_MOST: usize = 200;
/// A split that has had nothing new for so long is at its end for now: readers may have a thread behind them.
const QUIET: Duration = Duration::from_millis(150);
/// The same, of one whose reader says that more is on its way: a connection may have to be made.
const QUIET_WAITING: Duration = Duration::from_secs(5);
/// No split is read for longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The suite that every source passes: replay from each offset, an end that stays one, a split opened twice. `make` makes
/// the source over what does not change meanwhile: a bounded one, or a growing one with something in it.
///
/// # Panics
/// Where the source breaks a law; says which, and where.
pub fn source_conforms<S: Source>(make: impl Fn() -> S) {
    if let Err(broken) = judge(&make) {
        panic!("source_conforms: {broken}");
    }
}

fn judge<S: Source>(make: &impl Fn() -> S) -> Result<(), String> {
    let mut source = make();
    let splits = splits(&mut source)?;
    if splits != self::splits(&mut make())? {
        return Err("law \"the same splits\": two sources over the same outside list different ones".into());
    }
    for (split, encoded) in &splits {
        survives("split", split)?;
        let at = |what: String| format!("split {}: {what}", show(split, encoded));
        Subject { source: &source, split }.judge(make).map_err(at)?;
    }
    Ok(())
}

/// A split with its encoding.
type Encoded<S> = (<S as Source>::Split, Vec<u8>);

/// All splits, sorted.
fn splits<S: Source>(source: &mut S) -> Result<Vec<Encoded<S>>, String> {
    let found = source.splits().map_err(|e| format!("splits: {e}"))?;
    let (Splits::Fixed(found) | Splits::Growing(found)) = found;
    let mut all = vec![];
    for found in found {
        let encoded = codec::encode(&found.split)?;
        all.push((found.split, encoded));
    }
    all.sort();
    let listed = all.len();
    all.dedup();
    if all.len() < listed { Err("law \"the same splits\": one is listed twice".into()) } else { Ok(all) }
}

fn show<T: serde::Serialize>(value: &T, encoded: &[u8]) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| format!("{encoded:?}"))
}

fn survives<T: serde::Serialize + serde::de::DeserializeOwned>(what: &str, value: &T) -> Result<(), String> {
    codec::check_round_trip(value).map_err(|e| format!("law \"what is in a checkpoint comes back\": its {what}: {e}"))
}

/// One split of a source.
struct Subject<'a, S: Source> {
    source: &'a S,
    split: &'a S::Split,
}

/// What a split gave: encoded records, and after how many of them the offset was which.
struct Heard<O> {
    records: Vec<Vec<u8>>,
    offsets: Vec<(usize, O)>,
    ended: bool,
}

impl<S: Source> Subject<'_, S> {
    fn judge(&self, make: &impl Fn() -> S) -> Result<(), String> {
        let whole = self.hear(self.source, None)?;
        let again = self.hear(&make(), None)?;
        if let Some(n) = differs(&whole.records, &again.records) {
            return Err(format!("law \"a split opened twice gives the same\": record {n} is another one"));
        }
        let step = whole.offsets.len().div_ceil(OFFSETS_MOST).max(1);
        let last = whole.offsets.last();
        for (read, offset) in whole.offsets.iter().step_by(step).chain(last) {
            survives("offset", offset)?;
            self.goes_on(&make(), *read, offset, &whole)?;
        }
        Ok(())
    }

    /// Reads from an offset that was taken behind `read` records.
    fn goes_on(&self, source: &S, read: usize, offset: &OffsetOf<S>, whole: &Heard<OffsetOf<S>>) -> Result<(), String> {
        let law = "law \"reading from an offset gives what followed it\"";
        let at = format!("from offset {}, taken behind {read} records", show(offset, &codec::encode(offset)?));
        let copy = codec::decode(&codec::encode(offset)?)?;
        let rest = self.hear(source, Some(copy)).map_err(|e| format!("{law}: {at}: {e}"))?;
        let followed = &whole.records[read..];
        match differs(followed, &rest.records) {
            Some(n) => {
                Err(format!("{law}: {at}: record {n} is another one ({} for {})", rest.records.len(), followed.len()))
            }
            None if rest.ended != whole.ended => {
                Err(format!("law \"ended means ended\": {at}: the end is another one"))
            }
            None => Ok(()),
        }
    }

    fn hear(&self, source: &S, from: Option<OffsetOf<S>>) -> Result<Heard<OffsetOf<S>>, String> {
        let mut reader = source.open(self.split, from).map_err(|e| format!("open: {e}"))?;
        let mut heard = Heard { records: vec![], offsets: vec![(0, reader.offset())], ended: false };
        let (began, mut newest, mut quiet) = (Instant::now(), Instant::now(), QUIET_WAITING);
        while !heard.ended && newest.elapsed() < quiet {
            let mut batch = Batch::default();
            let progress = reader.read(&mut batch).map_err(|e| format!("read: {e}"))?;
            heard.ended = progress == Progress::Ended;
            quiet = if progress == Progress::Waiting { QUIET_WAITING } else { QUIET };
            if !batch.is_empty() {
                for record in batch.drain() {
                    heard.records.push(codec::encode(&record)?);
                }
                heard.offsets.push((heard.records.len(), reader.offset()));
                newest = Instant::now();
            } else if !heard.ended {
                std::thread::sleep(Duration::from_millis(1));
            }
            if heard.records.len() > RECORDS_MOST || began.elapsed() > PATIENCE {
                return Err(format!(
                    "it has more than the suite reads ({RECORDS_MOST} records, {PATIENCE:?}): bound it"
                ));
            }
        }
        self.stays_ended(&mut reader, &heard).map(|()| heard)
    }

    fn stays_ended(&self, reader: &mut S::Reader, heard: &Heard<OffsetOf<S>>) -> Result<(), String> {
        let mut batch = Batch::default();
        let progress = reader.read(&mut batch).map_err(|e| format!("read after the end: {e}"))?;
        let stays = !heard.ended || (progress == Progress::Ended && batch.is_empty());
        if stays { Ok(()) } else { Err("law \"ended means ended\": there is more after the end".into()) }
    }
}

/// Where two lists differ first.
fn differs(a: &[Vec<u8>], b: &[Vec<u8>]) -> Option<usize> {
    let first = a.iter().zip(b).position(|(a, b)| a != b);
    first.or((a.len() != b.len()).then(|| a.len().min(b.len())))
}
