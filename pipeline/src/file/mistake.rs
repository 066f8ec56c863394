//! What is wrong in a file: where, and what is allowed there.
use std::fmt;

/// One mistake: `pipeline.toml:12: [sinks.out] tpoic: ..`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// The file.
    pub file: String,
    /// The line, from 1 on.
    pub line: usize,
    /// The table: `sinks.out`; empty above all tables.
    pub table: String,
    /// The key; empty where it is about the table.
    pub key: String,
    /// What is wrong, and what is allowed.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.file, self.line)?;
        if !self.table.is_empty() {
            write!(f, " [{}]", self.table)?;
        }
        if !self.key.is_empty() {
            write!(f, " {}:", self.key)?;
        }
        write!(f, " {}", self.what)
    }
}

/// Where a table stands, with the lines of its keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    pub file: String,
    pub table: String,
    pub line: usize,
    pub keys: Vec<(String, usize)>,
}

impl Place {
    /// A mistake at one of the table's keys; at the table where it has no such key.
    pub fn mistake(&self, key: &str, what: impl Into<String>) -> Mistake {
        let line = self.keys.iter().find(|(name, _)| name == key).map_or(self.line, |(_, line)| *line);
        Mistake { file: self.file.clone(), line, table: self.table.clone(), key: key.into(), what: what.into() }
    }
}

/// Names as a sentence says them: `a, b, c`; `none` of none.
pub(crate) fn listed<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}
