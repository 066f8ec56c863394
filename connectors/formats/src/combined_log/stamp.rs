//! The time of a log line: `17/May/2015:10:05:03 +0000`, as `strptime` reads `%d/%b/%Y:%H:%M:%S %z`.
use super::is_space;
use std::cell::Cell;

/// How long `17/May/2015:10:05` is.
const MINUTE: usize = 17;
/// How long the usual form is.
const USUAL: usize = 26;

/// The last time in the usual form: lines come close together, so all but the seconds is mostly the same.
#[derive(Clone, Copy)]
struct Last {
    text: [u8; USUAL],
    /// Seconds since 1970 of the minute's start.
    minute: i64,
}

const FIRST: Last = Last { text: *b"01/Jan/1970:00:00:00 +0000", minute: 0 };

thread_local!(static LAST: Cell<Last> = const { Cell::new(FIRST) });

/// Seconds since 1970; of a zone with a fraction of a second the whole ones, rounded towards 1970.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let Ok(usual) = <[u8; USUAL]>::try_from(text.as_bytes()) else {
        return parse(text);
    };
    let last = LAST.get();
    let same = usual[..MINUTE] == last.text[..MINUTE] && usual[MINUTE + 3..] == last.text[MINUTE + 3..];
    match usual[MINUTE..MINUTE + 3] {
        [b':', tens @ b'0'..=b'5', ones @ b'0'..=b'9'] => {
            let second = i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
            if same {
                return Some(last.minute + second);
            }
            let at = parse(text)?;
            // A zone with seconds has another form, so the minute starts at a whole one.
            LAST.set(Last { text: usual, minute: at - second });
            Some(at)
        }
        _ => parse(text),
    }
}

/// Any form that `strptime` takes.
fn parse(text: &str) -> Option<i64> {
    let mut fields = Fields(text.as_bytes());
    let day = fields.day()?;
    fields.literal(b'/')?;
    let month = fields.month()?;
    fields.literal(b'/')?;
    let year = i64::from(fields.digits(4)?);
    fields.literal(b':')?;
    let hour = fields.up_to(23)?;
    fields.literal(b':')?;
    let minute = fields.up_to(59)?;
    fields.literal(b':')?;
    // 60 and 61 can be written, but no calendar time has them.
    let second = fields.up_to(59)?;
    fields.spaces()?;
    let zone = fields.zone()?;
    if year == 0 || day > days_in(year, month) {
        return None;
    }
    let local = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some((local * 1_000_000 - zone) / 1_000_000)
}

/// What is left of a time.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn literal(&mut self, byte: u8) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        (*first == byte).then_some(())
    }

    /// Exactly so many digits.
    fn digits(&mut self, count: usize) -> Option<u32> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        digits.iter().try_fold(0, |n, d| d.is_ascii_digit().then(|| n * 10 + u32::from(*d - b'0')))
    }

    /// One or two digits, as many as there are.
    fn up_to(&mut self, most: i64) -> Option<i64> {
        let two = self.0.get(1).is_some_and(u8::is_ascii_digit);
        let number = i64::from(self.digits(1 + usize::from(two))?);
        (number <= most).then_some(number)
    }

    /// 1 to 31, also after a space in place of the first digit.
    fn day(&mut self) -> Option<i64> {
        if self.0.first() == Some(&b' ') {
            self.literal(b' ')?;
            return Some(i64::from(self.digits(1)?)).filter(|day| *day >= 1);
        }
        self.up_to(31).filter(|day| *day >= 1)
    }

    /// Three letters, in any case.
    fn month(&mut self) -> Option<i64> {
        const NAMES: [&[u8; 3]; 12] =
            [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];
        let (name, rest) = self.0.split_at_checked(3)?;
        self.0 = rest;
        NAMES.iter().position(|n| name.eq_ignore_ascii_case(*n)).map(|i| i as i64 + 1)
    }

    /// One or more.
    fn spaces(&mut self) -> Option<()> {
        let text = std::str::from_utf8(self.0).ok()?;
        let rest = text.trim_start_matches(is_space);
        self.0 = rest.as_bytes();
        (rest.len() < text.len()).then_some(())
    }

    /// `Z`, `+hhmm`, `+hh:mm`, with seconds and up to six digits of a fraction too; in microseconds. Fills the rest.
    fn zone(&mut self) -> Option<i64> {
        if self.0 == b"Z" {
            return Some(0);
        }
        let (sign, rest) = self.0.split_first()?;
        let sign = match sign {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        self.0 = rest;
        let hours = i64::from(self.digits(2)?);
        let colon = self.colon();
        let minutes = i64::from(self.digits(2)?);
        let mut micros = 0;
        let mut seconds = 0;
        if !self.0.is_empty() {
            if self.colon() != colon {
                return None;
            }
            seconds = i64::from(self.digits(2)?);
            micros = self.fraction()?;
        }
        let all = hours * 3600 + minutes * 60 + seconds;
        (minutes < 60 && seconds < 60 && all < 86_400).then_some(sign * (all * 1_000_000 + micros))
    }

    fn colon(&mut self) -> bool {
        let rest = self.0.strip_prefix(b":");
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// Nothing, or a point and one to six digits; in microseconds.
    fn fraction(&mut self) -> Option<i64> {
        if self.0.is_empty() {
            return Some(0);
        }
        self.literal(b'.')?;
        let count = self.0.len();
        let digits = (1..=6).contains(&count).then(|| self.digits(count)).flatten()?;
        Some(i64::from(digits) * 10i64.pow(6 - count as u32))
    }
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Of the Gregorian calendar, also before there was one. Counts years from March, so that the leap day is the last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - 719_468
}
