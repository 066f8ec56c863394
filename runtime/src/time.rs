//! Event time, durations and watermarks.
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::time::Duration;

/// Milliseconds since the Unix epoch, UTC. RFC 3339 text in JSON and CSV, an integer in state; reads both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Before every record: the watermark at the start.
    pub const MIN: Self = Self(i64::MIN);
    /// After every record: the watermark of what has ended.
    pub const MAX: Self = Self(i64::MAX);

    /// The start of the stretch of `length` (at least 1 ms) that holds this instant, aligned to the Unix epoch.
    pub fn floor(self, length: Duration) -> Self {
        let length = millis_of(length).max(1);
        Self(self.0.saturating_sub(self.0.rem_euclid(length)))
    }
}

/// A duration in whole milliseconds, at most `i64::MAX`.
pub(crate) fn millis_of(d: Duration) -> i64 {
    i64::try_from(d.as_millis()).unwrap_or(i64::MAX)
}

impl From<i64> for Timestamp {
    fn from(millis: i64) -> Self {
        Self(millis)
    }
}
impl From<i32> for Timestamp {
    fn from(millis: i32) -> Self {
        Self(millis.into())
    }
}
impl From<u64> for Timestamp {
    #[inline]
    fn from(millis: u64) -> Self {
        Self(i64::try_from(millis).unwrap_or(i64::MAX))
    }
}
impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, d: Duration) -> Self {
        Self(self.0.saturating_add(millis_of(d)))
    }
}
impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, d: Duration) -> Self {
        Self(self.0.saturating_sub(millis_of(d)))
    }
}
impl Sub for Timestamp {
    type Output = Duration;
    /// Zero where `other` is later.
    fn sub(self, other: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(other.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => at.fmt(f),
            Err(_) => self.0.fmt(f),
        }
    }
}

impl FromStr for Timestamp {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(millis) = text.parse() {
            return Ok(Self(millis));
        }
        let at: jiff::Timestamp =
            text.parse().map_err(|_| format!("`{text}` is no time: write 2015-05-17T10:05:00Z or milliseconds"))?;
        Ok(Self(at.as_millisecond()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() { s.collect_str(self) } else { s.serialize_i64(self.0) }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        if d.is_human_readable() { d.deserialize_any(EitherForm) } else { i64::deserialize(d).map(Self) }
    }
}

struct EitherForm;
impl de::Visitor<'_> for EitherForm {
    type Value = Timestamp;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time as RFC 3339 text or as milliseconds since 1970")
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
        text.parse().map_err(E::custom)
    }
    fn visit_i64<E: de::Error>(self, millis: i64) -> Result<Timestamp, E> {
        Ok(Timestamp(millis))
    }
    fn visit_u64<E: de::Error>(self, millis: u64) -> Result<Timestamp, E> {
        i64::try_from(millis).map(Timestamp).map_err(|_| E::custom(format!("{millis} ms is beyond the range of time")))
    }
}

/// So many milliseconds.
pub const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}
/// So many seconds.
pub const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}
/// So many minutes.
pub const fn mins(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}
/// So many hours.
pub const fn hours(n: u64) -> Duration {
    Duration::from_secs(n * 3600)
}
/// So many days of 24 hours.
pub const fn days(n: u64) -> Duration {
    Duration::from_secs(n * 86_400)
}

/// A duration in flags and TOML: `500ms`, `30s`, `5m`, `1h`, `7d`.
///
/// ```
/// use millstream_runtime::time::Span;
/// let span: Span = "90s".parse().unwrap();
/// assert_eq!(span.0.as_secs(), 90);
/// assert_eq!(span.to_string(), "90s");
/// assert!("soon".parse::<Span>().is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl FromStr for Span {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no duration: write 500ms, 30s, 5m, 1h or 7d");
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(digits);
        let n: u64 = number.parse().map_err(|_| wrong())?;
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        n.checked_mul(*unit).map(|ms| Self(millis(ms))).ok_or_else(|| format!("`{text}` is too long a duration"))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = millis_of(self.0) as u64;
        let whole = |length: u64| ms >= length && ms.is_multiple_of(length) && (length < 60_000 || ms >= 2 * length);
        let (unit, length) = UNITS.iter().find(|(_, length)| whole(*length)).unwrap_or(&("ms", 1));
        write!(f, "{}{unit}", ms / length)
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Duration {
        span.0
    }
}
impl Serialize for Span {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

/// How far behind the newest record of its split a record may be, and how far ahead of the others a split may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermark {
    behind: Duration,
    ahead: Option<Duration>,
}

impl Watermark {
    /// Records are at most `behind` older than the newest before them in their split.
    pub fn bounded(behind: impl Into<Duration>) -> Self {
        Self { behind: behind.into(), ahead: None }
    }
    /// Each split is in time order.
    pub fn ascending() -> Self {
        Self { behind: Duration::ZERO, ahead: None }
    }
    /// What a split promises once it has shown a record of time `newest`.
    pub fn behind(self, newest: Timestamp) -> Timestamp {
        newest - self.behind
    }

    /// A split whose records are so much ahead of the watermark of all splits is not read until the others have caught up:
    /// so that windows and joins do not fill up with the records of one that runs ahead, for instance while old data are
    /// read. Not for splits that each have a stretch of time of their own, such as a file for each day: they would be read
    /// one after the other.
    ///
    /// ```
    /// use millstream_runtime::time::{Timestamp, Watermark, hours, secs};
    /// let watermark = Watermark::bounded(secs(5)).aligned(hours(1));
    /// assert_eq!(watermark.limit(Timestamp(0)), Some(Timestamp(3_600_000)));
    /// ```
    pub fn aligned(self, ahead: impl Into<Duration>) -> Self {
        Self { ahead: Some(ahead.into()), ..self }
    }

    /// A split that promises more than this is not read, where all splits together have promised `watermark`.
    pub fn limit(self, watermark: Timestamp) -> Option<Timestamp> {
        self.ahead.map(|ahead| watermark + ahead)
    }
}
