//! One line of the made-up log.
use crate::traffic::random::{Random, mix};
use millstream_runtime::data::Bytes;

/// 2015-05-17T10:00:00Z in seconds.
const START: u64 = 1_431_856_800;
/// Lines of one second of event time.
const A_SECOND: u64 = 10;
/// A line may be so many seconds later than its place says.
const DISORDER: u32 = 30;
/// One line of so many is broken.
const BROKEN: u32 = 10_000;
const PATHS: usize = 400;
/// Entries of the table that makes the first paths frequent.
const TABLE: u32 = 8192;
const CLIENTS: u32 = 5000;
/// The longest usual line.
const LINE_BYTES: usize = 256;

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
const SECTIONS: [&str; 8] =
    ["blog", "images", "articles", "downloads", "api/items", "projects", "presentations", "style"];
const ENDS: [&str; 5] = ["", ".html", ".png", ".css", "/index.php"];
/// A path may be asked for with a query, which is no part of it.
const QUERIES: [&str; 4] = ["", "?page=2", "?q=stream&lang=en", "?utm_source=feed"];
const METHODS: [&str; 16] =
    ["GET", "GET", "GET", "GET", "GET", "GET", "GET", "GET", "GET", "GET", "GET", "GET", "GET", "GET", "HEAD", "POST"];
const STATUSES: [&str; 16] =
    ["200", "200", "200", "200", "200", "200", "200", "200", "200", "200", "200", "304", "304", "301", "404", "500"];
const REFERERS: [&str; 4] =
    ["-", "http://example.org/", "https://www.example.com/search?q=logs", "http://example.org/blog/index.html"];
const AGENTS: [&str; 6] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:28.0) Gecko/20100101 Firefox/28.0",
    "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/32.0.1700.107 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/32.0.1700.77 Safari/537.36",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "curl/7.35.0",
    "-",
];

/// What all lines of a seed share.
pub(super) struct Site {
    seed: u64,
    paths: Vec<String>,
    /// Places of `paths`; the place with number i has about 1 / (i + 1) of what the first has.
    table: Vec<u16>,
    /// The day of the last line, since 1970, and its text.
    day: (u64, [u8; 12]),
}

impl Site {
    pub(super) fn new(seed: u64) -> Self {
        let paths = (0..PATHS).map(|i| path(i, seed)).collect();
        Self { seed, paths, table: zipf(PATHS, TABLE), day: (0, day_text(0)) }
    }

    /// The line with a number.
    pub(super) fn line(&mut self, number: u64) -> Bytes {
        let mut random = Random::new(self.seed, number);
        let mut line = Vec::with_capacity(LINE_BYTES);
        let at = START + number / A_SECOND + u64::from(random.below(DISORDER));
        put_client(&mut line, self.seed, random.below(CLIENTS).min(random.below(CLIENTS)));
        line.extend_from_slice(b" - - [");
        self.put_time(&mut line, at);
        line.extend_from_slice(b" +0000] \"");
        line.extend_from_slice(METHODS[random.below(16) as usize].as_bytes());
        line.push(b' ');
        let place = self.table[random.below(TABLE) as usize];
        line.extend_from_slice(self.paths[usize::from(place)].as_bytes());
        line.extend_from_slice(QUERIES[random.below(16).saturating_sub(12) as usize].as_bytes());
        line.extend_from_slice(b" HTTP/1.1\" ");
        let status = STATUSES[random.below(16) as usize];
        line.extend_from_slice(status.as_bytes());
        line.push(b' ');
        let magnitude = random.below(18);
        match status {
            "304" => line.push(b'-'),
            _ => put_number(&mut line, 120 + random.below(1 << magnitude)),
        }
        for text in [REFERERS[random.below(4) as usize], AGENTS[random.below(6) as usize]] {
            line.extend_from_slice(b" \"");
            line.extend_from_slice(text.as_bytes());
            line.push(b'"');
        }
        if random.below(BROKEN) == 0 {
            break_line(&mut line, random.below(4));
        }
        line
    }

    /// `17/May/2015:10:05:03`.
    fn put_time(&mut self, line: &mut Bytes, at: u64) {
        let (day, second) = (at / 86_400, at % 86_400);
        if self.day.0 != day {
            self.day = (day, day_text(day));
        }
        line.extend_from_slice(&self.day.1);
        put_two(line, second / 3600);
        line.push(b':');
        put_two(line, second / 60 % 60);
        line.push(b':');
        put_two(line, second % 60);
    }
}

/// Makes a line one that no parser of the format takes.
fn break_line(line: &mut Bytes, how: u32) {
    match how {
        0 => line.truncate(line.len() / 2),
        1 => line.extend_from_slice(b"\xff\xfe"),
        2 => line.clear(),
        _ => line.truncate(line.len() - 1),
    }
}

fn path(place: usize, seed: u64) -> String {
    let hash = mix(seed ^ mix(place as u64));
    let section = SECTIONS[(hash % 8) as usize];
    match place {
        0 => "/".into(),
        1 => "/favicon.ico".into(),
        _ => format!("/{section}/{place}-{:04x}{}", hash >> 48, ENDS[(hash >> 8) as usize % ENDS.len()]),
    }
}

/// A table of `size` places, in which the one with number i has about 1 / (i + 1) of what the first has.
fn zipf(places: usize, size: u32) -> Vec<u16> {
    const UNIT: u64 = 1 << 32;
    let all: u64 = (1..=places as u64).map(|i| UNIT / i).sum();
    let (mut place, mut below) = (0u16, UNIT);
    let mut table = Vec::with_capacity(size as usize);
    for entry in 0..u64::from(size) {
        while u128::from(entry) * u128::from(all) >= u128::from(below) * u128::from(size) {
            place += 1;
            below += UNIT / (u64::from(place) + 1);
        }
        table.push(place);
    }
    table
}

/// An address of version 4.
fn put_client(line: &mut Bytes, seed: u64, client: u32) {
    let octets = (mix(seed ^ (u64::from(client) << 32)) as u32).to_be_bytes();
    for (i, octet) in octets.iter().enumerate() {
        if i > 0 {
            line.push(b'.');
        }
        put_number(line, u32::from(*octet));
    }
}

fn put_number(line: &mut Bytes, number: u32) {
    let mut digits = [0; 10];
    let mut from = digits.len();
    let mut rest = number;
    loop {
        from -= 1;
        digits[from] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    line.extend_from_slice(&digits[from..]);
}

fn put_two(line: &mut Bytes, number: u64) {
    line.extend_from_slice(&[b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8]);
}

/// `17/May/2015:` of a day since 1970. Years have four digits, so after 9999 they start again.
fn day_text(day: u64) -> [u8; 12] {
    let shifted = day + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march = (5 * of_year + 2) / 153;
    let month = (march + 2) % 12;
    let year = (year + era * 400 + u64::from(month < 2)) % 10_000;
    let mut text = *b"00/Xxx/0000:";
    let mut put = |at: usize, n: u64| text[at] = b'0' + (n % 10) as u8;
    let of_month = of_year - (153 * march + 2) / 5 + 1;
    put(0, of_month / 10);
    put(1, of_month);
    put(7, year / 1000);
    put(8, year / 100);
    put(9, year / 10);
    put(10, year);
    text[3..6].copy_from_slice(MONTHS[month as usize]);
    text
}
