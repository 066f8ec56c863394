//! Dates and times of Avro as texts, and back; whole numbers are taken as the schema counts them.
use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};

/// Nanoseconds of a unit.
pub(super) const MILLIS: i64 = 1_000_000;
pub(super) const MICROS: i64 = 1_000;
pub(super) const NANOS: i64 = 1;

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

fn out_of_range(n: impl std::fmt::Display) -> String {
    format!("{n} is a time that no calendar has")
}

/// Days since 1970: `2026-11-21`.
pub(super) fn date(days: i32) -> Result<String, String> {
    let date = EPOCH.checked_add(i64::from(days).days());
    date.map(|date| date.to_string()).map_err(|_| out_of_range(days))
}

/// Nanoseconds since midnight: `10:05:00.25`.
pub(super) fn of_day(nanos: i64) -> Result<String, String> {
    let day = 24 * 3600 * 1_000_000_000;
    if !(0..day).contains(&nanos) {
        return Err(out_of_range(nanos));
    }
    Ok((Time::midnight() + SignedDuration::from_nanos(nanos)).to_string())
}

/// So many units since 1970: `2026-11-21T10:05:00.25Z`.
pub(super) fn instant(n: i64, unit: i64) -> Result<String, String> {
    let at = Timestamp::from_nanosecond(i128::from(n) * i128::from(unit));
    at.map(|at| at.to_string()).map_err(|_| out_of_range(n))
}

/// The same on a clock whose place is not known: without the `Z`.
pub(super) fn local(n: i64, unit: i64) -> Result<String, String> {
    let at = Timestamp::from_nanosecond(i128::from(n) * i128::from(unit)).map_err(|_| out_of_range(n))?;
    Ok(TimeZone::UTC.to_datetime(at).to_string())
}

/// Days since 1970 out of a text.
pub(super) fn to_days(text: &str) -> Option<i32> {
    let date: Date = text.parse().ok()?;
    i32::try_from(date.duration_since(EPOCH).as_hours() / 24).ok()
}

/// Units since midnight out of a text.
pub(super) fn to_of_day(text: &str, unit: i64) -> Option<i64> {
    let time: Time = text.parse().ok()?;
    i64::try_from(time.duration_since(Time::midnight()).as_nanos()).ok().map(|nanos| nanos.div_euclid(unit))
}

/// Units since 1970 out of RFC 3339; what is finer than the unit is cut off.
pub(super) fn to_instant(text: &str, unit: i64) -> Option<i64> {
    let at: Timestamp = text.parse().ok()?;
    i64::try_from(at.as_nanosecond().div_euclid(unit.into())).ok()
}

/// The same out of a text without a zone.
pub(super) fn to_local(text: &str, unit: i64) -> Option<i64> {
    let at: DateTime = text.parse().ok()?;
    let at = TimeZone::UTC.to_timestamp(at).ok()?;
    i64::try_from(at.as_nanosecond().div_euclid(unit.into())).ok()
}
