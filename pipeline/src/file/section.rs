//! One table of a file, while it is taken apart: `[sinks.out]`.
use super::mistake::{Mistake, Place, listed};
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

/// The lines of a text.
pub(super) struct Lines<'a> {
    pub file: &'a str,
    pub text: &'a str,
}

impl Lines<'_> {
    /// The line of a byte, from 1 on.
    pub fn of(&self, at: usize) -> usize {
        self.text.bytes().take(at).filter(|b| *b == b'\n').count() + 1
    }
}

/// A table whose keys are taken one by one.
pub(super) struct Section<'a, 't> {
    pub place: Place,
    lines: &'a Lines<'a>,
    span: std::ops::Range<usize>,
    entries: DeTable<'t>,
    /// Every key that may stand here, whether or not it does.
    allowed: Vec<String>,
    pub mistakes: Vec<Mistake>,
}

impl<'a, 't> Section<'a, 't> {
    /// The table of this name, whose key stands at `at`.
    pub fn new(lines: &'a Lines<'a>, table: &str, at: usize, value: Spanned<DeValue<'t>>) -> Result<Self, Mistake> {
        let mut place = Place { file: lines.file.into(), table: table.into(), line: lines.of(at), keys: vec![] };
        let span = value.span();
        let DeValue::Table(entries) = value.into_inner() else {
            return Err(place.mistake("", format!("is no table: write [{table}]")));
        };
        place.keys = entries.keys().map(|k| (k.get_ref().to_string(), lines.of(k.span().start))).collect();
        Ok(Self { place, lines, span, entries, allowed: vec![], mistakes: vec![] })
    }

    /// Takes a key that may be left out. One that cannot be read is a mistake, and counts as left out.
    pub fn take<T: DeserializeOwned>(&mut self, key: &str) -> Option<T> {
        self.allowed.push(key.into());
        let value = self.entries.remove(key)?;
        match T::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => Some(value),
            Err(e) => {
                self.mistakes.push(self.place.mistake(key, e.message()));
                None
            }
        }
    }

    /// Takes a table inside this one as it is, empty where it is left out.
    pub fn take_table(&mut self, key: &str) -> Spanned<DeValue<'t>> {
        self.allowed.push(key.into());
        self.entries.remove(key).unwrap_or_else(|| Spanned::new(self.span.clone(), DeValue::Table(DeTable::default())))
    }

    /// Notes a mistake at a key.
    pub fn wrong(&mut self, key: &str, what: impl Into<String>) {
        self.mistakes.push(self.place.mistake(key, what));
    }

    /// Takes all that is left as the options of the table's type, which has these fields.
    pub fn rest<T>(
        &mut self,
        fields: &'static [&'static str],
        read: impl FnOnce(ValueDeserializer<'_>) -> Result<T, toml::de::Error>,
    ) -> Option<T> {
        let unknown: Vec<String> =
            self.entries.keys().map(|k| k.get_ref().to_string()).filter(|k| !fields.contains(&k.as_str())).collect();
        let mut allowed: Vec<String> = self.allowed.iter().cloned().chain(fields.iter().map(|f| (*f).into())).collect();
        allowed.sort();
        for key in &unknown {
            self.wrong(key, format!("is no key of this table; it has {}", listed(&allowed)));
            self.entries.remove(key.as_str());
        }
        let spans: Vec<(String, std::ops::Range<usize>)> =
            self.entries.iter().map(|(k, v)| (k.get_ref().to_string(), v.span())).collect();
        let table = Spanned::new(self.span.clone(), DeValue::Table(std::mem::take(&mut self.entries)));
        match read(ValueDeserializer::from(table)) {
            Ok(options) => Some(options),
            Err(e) => {
                let mistake = self.located(&spans, &e);
                self.mistakes.push(mistake);
                None
            }
        }
    }

    /// An error of serde, with the key that it is about.
    fn located(&self, spans: &[(String, std::ops::Range<usize>)], e: &toml::de::Error) -> Mistake {
        let at = e.span().filter(|span| *span != self.span);
        let key =
            at.as_ref().and_then(|at| spans.iter().find(|(_, span)| span.start <= at.start && at.end <= span.end));
        let mut mistake = self.place.mistake(key.map_or("", |(key, _)| key), e.message());
        if let (Some(at), Some(_)) = (at, key) {
            mistake.line = self.lines.of(at.start);
        }
        mistake
    }
}
