//! `csv`: a record is a row, seen as an object of texts.
use crate::event::{Event, Payload, write_plain};
use crate::json::Val;
use crate::kind::{Decoder, Encoder, FormatKind, Side, Wrong};
use millstream_formats::{Csv as Rows, Decode, Encode};
use millstream_runtime::data::Bytes;
use serde::Deserialize;

/// `csv = { columns = ["id", "price"], delimiter = ";" }`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Csv {
    /// The names of the columns, in order: the fields of the object.
    columns: Vec<String>,
    /// One character.
    delimiter: Option<char>,
    /// Of a sink, whether each file begins with the names.
    headers: bool,
}

impl Csv {
    fn rows(&self) -> Rows {
        let delimiter = self.delimiter.and_then(|c| u8::try_from(c).ok()).unwrap_or(b',');
        Rows::new().delimiter(delimiter)
    }
}

impl FormatKind for Csv {
    fn check(&self, _side: Side) -> Vec<Wrong> {
        let mut wrong = vec![];
        if self.columns.is_empty() {
            wrong.push(Wrong::new("csv", "has no columns: write csv = { columns = [\"id\", \"price\"] }"));
        }
        if self.delimiter.is_some_and(|c| !c.is_ascii()) {
            wrong.push(Wrong::new("csv", "has a delimiter that is not ASCII"));
        }
        wrong
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(Reading { rows: self.rows(), columns: self.columns.clone() })
    }

    fn encoder(&self) -> Box<dyn Encoder> {
        Box::new(Writing { rows: self.rows(), columns: self.columns.clone(), headers: self.headers, is_due: false })
    }

    fn extension(&self) -> &'static str {
        "csv"
    }
}

struct Reading {
    rows: Rows,
    columns: Vec<String>,
}

impl Reading {
    fn object(&mut self, line: &[u8]) -> Result<Val, String> {
        let fields: Vec<String> = self.rows.decode(line)?;
        if fields.len() != self.columns.len() {
            return Err(format!("{} fields, but {} columns", fields.len(), self.columns.len()));
        }
        if fields == self.columns {
            return Err("the header line, no row".into());
        }
        let pairs = self.columns.iter().zip(fields).map(|(name, field)| (name.clone().into(), field.into()));
        Ok(Val::obj(pairs.collect()))
    }
}

impl Decoder for Reading {
    fn decode(&mut self, bytes: Bytes) -> Result<Payload, (String, Bytes)> {
        self.object(&bytes).map(Payload::from).map_err(|e| (e, bytes))
    }
}

struct Writing {
    rows: Rows,
    columns: Vec<String>,
    headers: bool,
    /// Whether the names come before the next row.
    is_due: bool,
}

impl Encoder for Writing {
    fn encode(&mut self, event: &Event, out: &mut Bytes) -> Result<(), String> {
        let Val::Obj(object) = event.payload.value() else { return Err("is no object, so it makes no row".into()) };
        let field = |name: &String| -> Result<String, String> {
            let mut text = vec![];
            match object.get(&Val::from(name.clone())) {
                None | Some(Val::Null) => {}
                Some(value) => write_plain(value, &mut text),
            }
            String::from_utf8(text).map_err(|_| format!("has bytes in {name:?} that are no text"))
        };
        let row: Vec<String> = self.columns.iter().map(field).collect::<Result<_, _>>()?;
        if std::mem::take(&mut self.is_due) {
            self.rows.encode(&self.columns, out)?;
            out.push(b'\n');
        }
        self.rows.encode(&row, out)
    }

    fn begin_file(&mut self) {
        self.is_due = self.headers;
    }
}
