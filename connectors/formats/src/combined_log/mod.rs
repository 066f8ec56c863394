//! The combined log format of web servers.
mod stamp;

use memchr::memchr2;
use millstream_runtime::data::{Schema, State};
use millstream_runtime::format::{Decode, utf8};
use millstream_runtime::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A line of a web server's combined log:
///
/// ```text
/// client identity user [day/month/year:hour:minute:second zone] "request" status bytes "referer" "agent"
/// ```
///
/// Nothing may follow. Inside quotes a backslash takes the character behind it along; both stay as they are. The
/// request has at least two words, split by single spaces: the method, which may be empty, and the target. Day names
/// and leap seconds are refused, as are digits other than ASCII's.
///
/// ```
/// use millstream_formats::{CombinedLog, Decode, Hit};
/// let line = br#"1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 99 "-" "curl""#;
/// let hit: Hit = CombinedLog.decode(line)?;
/// assert_eq!((hit.path.as_str(), hit.bytes, hit.at.to_string().as_str()), ("/a", 99, "2015-05-17T10:05:03Z"));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct CombinedLog;

/// What [`CombinedLog`] decodes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    /// The client's address or name.
    pub client: String,
    /// When it was served, to the second.
    pub at: Timestamp,
    /// The first word of the request.
    pub method: String,
    /// The second word of the request, without the query.
    pub path: String,
    /// The status: three digits.
    pub status: u16,
    /// The size of the answer; `-` counts 0.
    pub bytes: u64,
    /// The referer as it stands, escapes included.
    pub referer: String,
    /// The user agent as it stands, escapes included.
    pub agent: String,
}

impl State for Hit {
    const SCHEMA: Schema = Schema::new(
        "Hit",
        1,
        "{client:String,at:Timestamp,method:String,path:String,status:u16,bytes:u64,referer:String,agent:String}",
    );
}

impl Decode<Hit> for CombinedLog {
    fn decode(&mut self, bytes: &[u8]) -> Result<Hit, String> {
        let mut line = Line { text: utf8(bytes)?, at: 0 };
        hit(&mut line).map_err(|what| format!("no line of a combined log: {what} at byte {}", line.at))
    }
}

/// The whole line. An error says what was expected where the line stopped.
fn hit(line: &mut Line<'_>) -> Result<Hit, &'static str> {
    let client = line.word("a client")?;
    line.word("an identity")?;
    line.word("a user")?;
    let at = line.time()?;
    line.expect(b' ', "a space")?;
    let request = line.quoted("a request in quotes")?;
    line.expect(b' ', "a space")?;
    let status = line.status()?;
    let bytes = line.size()?;
    let referer = line.quoted("a referer in quotes")?;
    line.expect(b' ', "a space")?;
    let agent = line.quoted("a user agent in quotes")?;
    if line.at < line.text.len() {
        return Err("the end of the line");
    }
    let mut words = request.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Err("a request of two words before the end");
    };
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    Ok(Hit {
        client: client.to_owned(),
        at,
        method: method.to_owned(),
        path: path.to_owned(),
        status,
        bytes,
        referer: referer.to_owned(),
        agent: agent.to_owned(),
    })
}

/// What is left of a line: `text[at..]`. `at` is always between two characters.
struct Line<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Line<'a> {
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Takes `length` bytes and `behind` more.
    fn take(&mut self, length: usize, behind: usize) -> &'a str {
        let taken = self.text.get(self.at..self.at + length).unwrap_or_default();
        self.at += length + behind;
        taken
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), &'static str> {
        if self.rest().first() != Some(&byte) {
            return Err(what);
        }
        self.at += 1;
        Ok(())
    }

    /// Up to the next space, which is taken too.
    fn word(&mut self, what: &'static str) -> Result<&'a str, &'static str> {
        let length = self.rest().iter().position(|b| *b == b' ').ok_or(what)?;
        let graphic = self.rest()[..length].iter().all(u8::is_ascii_graphic);
        let word = self.text.get(self.at..self.at + length).unwrap_or_default();
        if length == 0 || !graphic && word.chars().any(is_space) {
            return Err(what);
        }
        Ok(self.take(length, 1))
    }

    /// A time in brackets.
    fn time(&mut self) -> Result<Timestamp, &'static str> {
        const WHAT: &str = "a time such as [17/May/2015:10:05:03 +0000]";
        self.expect(b'[', WHAT)?;
        let length = memchr::memchr(b']', self.rest()).ok_or(WHAT)?;
        let text = self.text.get(self.at..self.at + length).unwrap_or_default();
        let seconds = stamp::seconds(text).ok_or(WHAT)?;
        self.take(length, 1);
        Ok(Timestamp(seconds * 1000))
    }

    /// Text in quotes, without them.
    fn quoted(&mut self, what: &'static str) -> Result<&'a str, &'static str> {
        self.expect(b'"', what)?;
        let rest = self.rest();
        let mut from = 0;
        loop {
            let found = from + memchr2(b'"', b'\\', rest.get(from..).ok_or(what)?).ok_or(what)?;
            if rest[found] == b'"' {
                return Ok(self.take(found, 1));
            }
            // A character of several bytes has neither a quote nor a backslash behind its first.
            from = found + 2;
            if rest.get(found + 1).is_none_or(|b| *b == b'\n') {
                return Err(what);
            }
        }
    }

    /// Three digits and a space.
    fn status(&mut self) -> Result<u16, &'static str> {
        match self.rest() {
            [a, b, c, b' ', ..] if [a, b, c].iter().all(|d| d.is_ascii_digit()) => {
                self.at += 4;
                Ok([a, b, c].iter().fold(0, |n, d| n * 10 + u16::from(**d - b'0')))
            }
            _ => Err("a status of three digits"),
        }
    }

    /// Digits, or a hyphen, and a space.
    fn size(&mut self) -> Result<u64, &'static str> {
        const WHAT: &str = "a number of bytes or -";
        let length = self.rest().iter().position(|b| *b == b' ').ok_or(WHAT)?;
        let size = match &self.rest()[..length] {
            b"-" => 0,
            digits => decimal(digits).ok_or(WHAT)?,
        };
        self.take(length, 1);
        Ok(size)
    }
}

/// The number that one or more digits say, if it has 64 bits.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |n, d| {
        let digit = d.is_ascii_digit().then(|| u64::from(*d - b'0'))?;
        n.checked_mul(10)?.checked_add(digit)
    })
}

/// White space as regular expressions have it: the four separators of ASCII are some, besides Unicode's.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}
