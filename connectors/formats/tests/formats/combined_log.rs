//! The combined log, against a slow and plain reading of its rules, and against verdicts of Python's `re` and
//! `strptime`.
use millstream_formats::{CombinedLog, Decode, Hit};
use millstream_runtime::time::Timestamp;
use proptest::prelude::*;

fn decode(line: &str) -> Result<Hit, String> {
    CombinedLog.decode(line.as_bytes())
}

fn line_at(time: &str) -> String {
    format!(r#"c - - [{time}] "GET / HTTP/1.1" 200 1 "-" "-""#)
}

#[test]
fn a_line_has_its_parts() {
    let hit = decode(
        r#"83.149.9.216 - frank [17/May/2015:12:05:03 +0200] "POST /a/b?c=d?e HTTP/1.1" 404 - "http://x/\"y\"" "curl \\""#,
    );
    let wanted = Hit {
        client: "83.149.9.216".into(),
        at: Timestamp(1_431_857_103_000),
        method: "POST".into(),
        path: "/a/b".into(),
        status: 404,
        bytes: 0,
        referer: r#"http://x/\"y\""#.into(),
        agent: r"curl \\".into(),
    };
    assert_eq!(hit, Ok(wanted));
}

/// Times and the seconds that Python makes of them.
#[test]
fn times_are_what_python_reads() {
    let verdicts: [(&str, Option<i64>); 42] = [
        ("17/May/2015:10:05:03 +0000", Some(1_431_857_103)),
        ("17/may/2015:10:05:03 +0000", Some(1_431_857_103)),
        ("17/MAY/2015:10:05:03 Z", Some(1_431_857_103)),
        ("17/May/2015:10:05:03 +05:30", Some(1_431_837_303)),
        ("17/May/2015:10:05:03 -00:30", Some(1_431_858_903)),
        ("17/May/2015:10:05:03 +000030", Some(1_431_857_073)),
        ("17/May/2015:10:05:03 +00:00:30", Some(1_431_857_073)),
        ("17/May/2015:10:05:03 +00:00:30.5", Some(1_431_857_072)),
        ("17/May/1915:10:05:03 +00:00:30.5", Some(-1_723_902_927)),
        ("17/May/2015:10:05:03 +2359", Some(1_431_770_763)),
        ("7/May/2015:1:5:3 +0000", Some(1_430_960_703)),
        (" 7/May/2015:1:5:3   +0000", Some(1_430_960_703)),
        ("07/May/2015:01:05:03\t+0000", Some(1_430_960_703)),
        ("07/May/2015:01:05:03\u{2003}+0000", Some(1_430_960_703)),
        ("07/May/2015:01:05:03\u{1c}+0000", Some(1_430_960_703)),
        ("29/Feb/2016:00:00:00 +0000", Some(1_456_704_000)),
        ("31/Dec/1969:23:59:59 +0000", Some(-1)),
        ("01/Jan/0001:00:00:00 +0000", Some(-62_135_596_800)),
        ("17/May/2015:10:05:60 +0000", None),
        ("17/May/2015:10:05:61 +0000", None),
        ("17/May/2015:10:60:03 +0000", None),
        ("17/May/2015:24:05:03 +0000", None),
        ("99/May/2015:10:05:03 +0000", None),
        ("00/May/2015:10:05:03 +0000", None),
        ("31/Apr/2015:10:05:03 +0000", None),
        ("29/Feb/2015:00:00:00 +0000", None),
        ("29/Feb/1900:00:00:00 +0000", None),
        ("01/Jan/0000:00:00:00 +0000", None),
        ("17/Mai/2015:10:05:03 +0000", None),
        ("17/May/15:10:05:03 +0000", None),
        ("17/May/2015:10:05:03+0000", None),
        ("17/May/2015:10:05:03 0000", None),
        ("17/May/2015:10:05:03 +000", None),
        ("17/May/2015:10:05:03 +00003", None),
        ("17/May/2015:10:05:03 +0060", None),
        ("17/May/2015:10:05:03 +2400", None),
        ("17/May/2015:10:05:03 +00:0030", None),
        ("17/May/2015:10:05:03 +0000:30", None),
        ("17/May/2015:10:05:03 z", None),
        ("17/May/2015:10:05:03 UTC", None),
        ("17/May/2015:10:05:03 +0000 ", None),
        ("Sun 17/May/2015:10:05:03 +0000", None),
    ];
    for (time, wanted) in verdicts {
        let at = decode(&line_at(time)).map(|hit| hit.at.0);
        assert_eq!(at.clone().ok(), wanted.map(|s| s * 1000), "{time}: {at:?}");
    }
}

#[test]
fn the_cached_minute_does_not_leak() {
    let at = |time: &str| decode(&line_at(time)).map(|hit| hit.at.0 / 1000);
    assert_eq!(at("17/May/2015:10:05:03 +0000"), Ok(1_431_857_103));
    assert_eq!(at("17/May/2015:10:05:59 +0000"), Ok(1_431_857_159));
    assert_eq!(at("17/May/2015:10:05:59 +0100"), Ok(1_431_853_559));
    assert_eq!(at("17/May/2015:10:06:00 +0100"), Ok(1_431_853_560));
    assert!(at("17/May/2015:10:06:60 +0100").is_err());
    assert!(at("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0:00\0\0\0\0\0\0").is_err());
}

#[test]
fn odd_lines_are_taken_or_refused_as_the_rules_say() {
    let taken = [
        r#"c - - [17/May/2015:10:05:03 +0000] " / x" 000 00 "" """#,
        r#"c - - [17/May/2015:10:05:03 +0000] "GET  HTTP/1.1" 999 18446744073709551615 "\x" "\"""#,
        r#"ü - - [17/May/2015:10:05:03 +0000] "a b" 200 - "ü\ü" "]""#,
        r#"" [ ] [17/May/2015:10:05:03 +0000] "a b" 200 - "-" "-""#,
    ];
    for line in taken {
        assert!(decode(line).is_ok(), "{line}: {:?}", decode(line));
    }
    let refused = [
        "",
        "\0\0\0",
        r#"c - - [17/May/2015:10:05:03 +0000] "GET" 200 1 "-" "-""#,
        r#"c - - [17/May/2015:10:05:03 +0000] "" 200 1 "-" "-""#,
        r#"c - - [17/May/2015:10:05:03 +0000] "a b" 20 1 "-" "-""#,
        r#"c - - [17/May/2015:10:05:03 +0000] "a b" 2000 1 "-" "-""#,
        r#"c - - [17/May/2015:10:05:03 +0000] "a b" 200  "-" "-""#,
        r#"c - - [17/May/2015:10:05:03 +0000] "a b" 200 -1 "-" "-""#,
        r#"c - - [17/May/2015:10:05:03 +0000] "a b" 200 1 "-" "-" "#,
        r#"c - - [17/May/2015:10:05:03 +0000] "a b" 200 1 "-" "-"x"#,
        r#"c - - [17/May/2015:10:05:03 +0000] "a b" 200 1 "-" "-\""#,
        r#"c - - [17/May/2015:10:05:03 +0000] "a b" 200 1 "-""#,
        r#"c  - - [17/May/2015:10:05:03 +0000] "a b" 200 1 "-" "-""#,
        "c\u{a0} - - [17/May/2015:10:05:03 +0000] \"a b\" 200 1 \"-\" \"-\"",
        "c\u{1f} - - [17/May/2015:10:05:03 +0000] \"a b\" 200 1 \"-\" \"-\"",
        "c - - [17/May/2015:10:05:03 +0000] \"a b\" 200 1 \"-\" \"-\\\n\"",
        r#" c - - [17/May/2015:10:05:03 +0000] "a b" 200 1 "-" "-""#,
        r#"c - - [] "a b" 200 1 "-" "-""#,
    ];
    for line in refused {
        assert!(decode(line).is_err(), "{line}");
    }
}

#[test]
fn a_reason_says_where_and_what() {
    let says = decode(r#"c - - [17/May/2015:10:05:03 +0000] "a b" x 1 "-" "-""#).unwrap_err();
    assert_eq!(says, "no line of a combined log: a status of three digits at byte 41");
    let says = CombinedLog.decode(b"c - \xff").unwrap_err();
    assert_eq!(says, "invalid UTF-8 at byte 4");
}

/// The pattern of the format, one character after the other; `None` where it does not match.
mod slow {
    pub(super) struct Slow<'a>(pub(super) &'a [char]);

    impl Slow<'_> {
        fn skip(&mut self, c: char) -> Option<()> {
            let (first, rest) = self.0.split_first()?;
            self.0 = rest;
            (*first == c).then_some(())
        }

        /// One or more that hold.
        fn some(&mut self, holds: impl Fn(char) -> bool) -> Option<String> {
            let length = self.0.iter().take_while(|c| holds(**c)).count();
            let taken = self.0[..length].iter().collect();
            self.0 = &self.0[length..];
            (length > 0).then_some(taken)
        }

        fn quoted(&mut self) -> Option<String> {
            self.skip('"')?;
            let mut text = String::new();
            loop {
                let (first, rest) = self.0.split_first()?;
                self.0 = rest;
                match first {
                    '"' => return Some(text),
                    '\\' => {
                        let (second, rest) = self.0.split_first()?;
                        self.0 = rest;
                        if *second == '\n' {
                            return None;
                        }
                        text.extend(['\\', *second]);
                    }
                    c => text.push(*c),
                }
            }
        }

        /// Client, time, request, status, size, referer and agent.
        pub(super) fn line(&mut self) -> Option<[String; 7]> {
            let word = |c: char| !c.is_whitespace() && !('\x1c'..='\x1f').contains(&c);
            let client = self.some(word)?;
            self.skip(' ')?;
            self.some(word)?;
            self.skip(' ')?;
            self.some(word)?;
            self.skip(' ')?;
            self.skip('[')?;
            let time = self.some(|c| c != ']')?;
            self.skip(']')?;
            self.skip(' ')?;
            let request = self.quoted()?;
            self.skip(' ')?;
            let status = self.some(|c| c.is_ascii_digit()).filter(|s| s.len() == 3)?;
            self.skip(' ')?;
            let size = match self.0.first()? {
                '-' => self.some(|c| c == '-').filter(|s| s.len() == 1)?,
                _ => self.some(|c| c.is_ascii_digit())?,
            };
            self.skip(' ')?;
            let referer = self.quoted()?;
            self.skip(' ')?;
            let agent = self.quoted()?;
            self.0.is_empty().then_some([client, time, request, status, size, referer, agent])
        }
    }
}

/// What the line says, but for its time, which is one of two forms.
fn reference(line: &str) -> Option<Hit> {
    let chars: Vec<char> = line.chars().collect();
    let [client, time, request, status, size, referer, agent] = slow::Slow(&chars).line()?;
    let words: Vec<&str> = request.split(' ').collect();
    let at = match time.as_str() {
        "17/May/2015:10:05:03 +0000" => 1_431_857_103,
        "18/May/2015:10:05:03 -0100" => 1_431_947_103,
        _ => return None,
    };
    Some(Hit {
        client,
        at: Timestamp(at * 1000),
        method: words[0].into(),
        path: words.get(1)?.split('?').next()?.into(),
        status: status.parse().ok()?,
        bytes: if size == "-" { 0 } else { size.parse().ok()? },
        referer,
        agent,
    })
}

fn quoted() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("-".to_string()),
        Just("GET / HTTP/1.1".to_string()),
        r#"[a ?/"\\ü\n]{0,12}"#,
        r#"([a ?/]|\\.){0,12}"#
    ]
}

fn field() -> impl Strategy<Value = String> {
    prop_oneof![Just("-".to_string()), "[a-c.]{1,3}", "[ -~\u{a0}\u{1d}ü]{0,3}"]
}

prop_compose! {
    /// Mostly a line of the format.
    fn lines()(
        names in [field(), field(), field()],
        time in "17/May/2015:10:05:03 \\+0000|18/May/2015:10:05:03 -0100|18/May|",
        request in quoted(), status in "[0-9]{3}|[0-9a]{2,4}", size in "-|[0-9]{1,5}|[0-9-]{0,22}",
        referer in quoted(), agent in quoted(), end in "|||| |\n|x",
    ) -> String {
        let [client, identity, user] = names;
        format!(r#"{client} {identity} {user} [{time}] "{request}" {status} {size} "{referer}" "{agent}"{end}"#)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn it_agrees_with_the_slow_reading(line in lines()) {
        prop_assert_eq!(decode(&line).ok(), reference(&line), "{}", line);
    }

    #[test]
    fn a_changed_byte_never_panics_and_agrees(line in lines(), place: prop::sample::Index, byte: u8) {
        let mut bytes = line.into_bytes();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        let hit = CombinedLog.decode(&bytes);
        if let Ok(text) = std::str::from_utf8(&bytes) && text.contains("May/2015:10:05:03 +0000]") {
            // The reference knows the times of whole lines only.
            let other = reference(text);
            prop_assert!(hit.is_ok() || other.is_none(), "{}", text);
        }
    }

    #[test]
    fn any_bytes_are_a_hit_or_an_error(bytes: Vec<u8>) {
        let _: Result<Hit, String> = CombinedLog.decode(&bytes);
    }

    #[test]
    fn any_time_is_one_or_none(time in "[0-9]{1,2}/(jan|Feb|xyz)/[0-9]{4}(:[0-9]{1,2}){3} [+-][0-9:.]{0,12}") {
        let _ = decode(&line_at(&time));
    }
}
