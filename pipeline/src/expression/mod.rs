//! jq programs in pipelines.
mod compile;
mod meta;

use crate::event::Event;
use crate::json::Val;
use compile::{Program, compile};
use jaq_core::data::JustLut;
use jaq_core::{Ctx, Vars};
use serde::{Deserialize, Deserializer, de};
use std::fmt;
use std::sync::Arc;

/// A record may become at most so many.
const MOST_RESULTS: usize = 100_000;

/// A jq program. `.` is the record's value, `$meta` where it came from. Compiled when it is read from its file, so a bad
/// one is a mistake of that line; cloned to all workers.
///
/// ```
/// use millstream_pipeline::expression::Expression;
/// use millstream_pipeline::event::Event;
/// use millstream_pipeline::json;
/// use millstream_runtime::time::Timestamp;
/// let total = Expression::compile(".price * .quantity")?;
/// let event = Event::made(json::read(br#"{"price":3,"quantity":2}"#)?, Timestamp(0));
/// assert_eq!(json::to_text(&total.one(&event)?), "6");
/// # Ok::<(), String>(())
/// ```
#[derive(Clone)]
pub struct Expression {
    text: Arc<str>,
    program: Arc<Program>,
    /// Whether `$meta` is worth making.
    reads_meta: bool,
}

impl Expression {
    /// Compiles a program.
    ///
    /// # Errors
    /// Says what is wrong, and where in the program.
    pub fn compile(text: &str) -> Result<Self, String> {
        let program = Arc::new(compile(text)?);
        Ok(Self { text: text.into(), program, reads_meta: text.contains("$meta") })
    }

    /// The program as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Gives every result.
    ///
    /// # Errors
    /// What the program failed with; or that there were too many results.
    pub fn each(&self, event: &Event, mut take: impl FnMut(Val)) -> Result<(), String> {
        let meta = if self.reads_meta { meta::of(event) } else { Val::Null };
        let context = Ctx::<JustLut<Val>>::new(&self.program.lut, Vars::new([meta]));
        for (n, result) in self.program.id.run((context, event.payload.value())).enumerate() {
            if n == MOST_RESULTS {
                return Err(format!("more than {MOST_RESULTS} results of one record"));
            }
            take(result.map_err(failure)?);
        }
        Ok(())
    }

    /// The one result.
    ///
    /// # Errors
    /// What the program failed with; or that there was none, or more than one.
    pub fn one(&self, event: &Event) -> Result<Val, String> {
        let meta = if self.reads_meta { meta::of(event) } else { Val::Null };
        let context = Ctx::<JustLut<Val>>::new(&self.program.lut, Vars::new([meta]));
        let mut results = self.program.id.run((context, event.payload.value()));
        let first = results.next().ok_or_else(|| format!("`{}` gives no result", self.text))?;
        let first = first.map_err(failure)?;
        match results.next() {
            None => Ok(first),
            Some(_) => Err(format!("`{}` gives more than one result", self.text)),
        }
    }

    /// Whether the one result is true: neither `false` nor `null`, as in jq's `if`.
    ///
    /// # Errors
    /// As [`Expression::one`].
    pub fn holds(&self, event: &Event) -> Result<bool, String> {
        Ok(!matches!(self.one(event)?, Val::Null | Val::Bool(false)))
    }
}

fn failure(exception: jaq_core::Exn<'_, Val>) -> String {
    match exception.get_err() {
        Ok(error) => error.to_string(),
        Err(_) => "the program stops or breaks where nothing stops it".into(),
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "jq `{}`", self.text)
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::compile(&String::deserialize(d)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
