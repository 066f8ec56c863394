//! CSV: a line is a row.
use csv::{ByteRecord, ReaderBuilder, Terminator, Writer, WriterBuilder};
use millstream_runtime::data::Bytes;
use millstream_runtime::format::{Decode, Encode};
use serde::{Serialize, de::DeserializeOwned};
use std::cell::RefCell;
use std::io;
use std::rc::Rc;

/// The writer's buffer, which holds one row at a time.
const ROW_BYTES: usize = 512;

/// A line is a row of comma-separated values. Fields are taken in the order of the record's fields, or by name where
/// [`Csv::columns`] are given. A quoted field may hold commas and quotes; a line break in one would need more than a
/// line.
///
/// ```
/// use millstream_formats::{Csv, Decode, Encode};
/// let mut csv = Csv::new();
/// let row: (u64, String) = csv.decode(br#"7,"a, b""#)?;
/// assert_eq!(row, (7, "a, b".to_string()));
/// let mut out = vec![];
/// csv.encode(&row, &mut out)?;
/// assert_eq!(out, br#"7,"a, b""#);
/// # Ok::<(), String>(())
/// ```
#[derive(Default)]
pub struct Csv {
    options: Options,
    row: ByteRecord,
    encoder: Option<Encoder>,
}

#[derive(Clone)]
struct Options {
    delimiter: u8,
    columns: Option<ByteRecord>,
    headers: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { delimiter: b',', columns: None, headers: false }
    }
}

/// A clone has the options only: what was written at a file's head is each writer's own.
impl Clone for Csv {
    fn clone(&self) -> Self {
        Self { options: self.options.clone(), ..Self::default() }
    }
}

impl Csv {
    /// Commas, no line with the columns' names.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another delimiter than the comma: `b';'`, `b'\t'`.
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.options.delimiter = delimiter;
        self
    }

    /// The names of the columns of the lines that are decoded, in order: fields are then found by name. The line that
    /// has just these names is refused as a header, so that it is a dead letter and not a row; drop it with
    /// [`Csv::is_header`] before the decoding.
    pub fn columns<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.options.columns = Some(names.into_iter().map(|n| n.as_ref().as_bytes().to_vec()).collect());
        self
    }

    /// Writes the names of the record's fields as the first line of each file.
    pub fn headers(mut self, headers: bool) -> Self {
        self.options.headers = headers;
        self
    }

    /// Whether a line has just the names of [`Csv::columns`].
    pub fn is_header(&mut self, line: &[u8]) -> bool {
        self.options.columns.is_some() && self.read(line).is_ok() && Some(&self.row) == self.options.columns.as_ref()
    }

    /// Reads the fields of a line.
    fn read(&mut self, line: &[u8]) -> Result<(), String> {
        let mut reader = ReaderBuilder::new()
            .delimiter(self.options.delimiter)
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(line.len().clamp(64, 8192))
            .from_reader(line);
        let wrong = |e: csv::Error| format!("no row of CSV: {e}");
        if !reader.read_byte_record(&mut self.row).map_err(wrong)? {
            return Err("no row of CSV: the line is empty".into());
        }
        if reader.read_byte_record(&mut ByteRecord::new()).map_err(wrong)? {
            return Err("no row of CSV: a line break outside of quotes".into());
        }
        Ok(())
    }
}

impl<T: DeserializeOwned> Decode<T> for Csv {
    fn decode(&mut self, bytes: &[u8]) -> Result<T, String> {
        self.read(bytes)?;
        let columns = self.options.columns.as_ref();
        if columns == Some(&self.row) {
            return Err("the header line, no row".into());
        }
        if let Some(columns) = columns.filter(|c| c.len() != self.row.len()) {
            return Err(format!("{} fields, but {} columns", self.row.len(), columns.len()));
        }
        self.row.deserialize(columns).map_err(|e| format!("no row of this type: {e}"))
    }
}

impl<T: Serialize> Encode<T> for Csv {
    fn encode(&mut self, record: &T, out: &mut Bytes) -> Result<(), String> {
        let encoder = self.encoder.get_or_insert_with(|| Encoder::new(&self.options));
        let written = encoder.row(record, out);
        if written.is_err() {
            // A part of the row may be left in the writer.
            self.encoder = None;
        }
        written
    }

    fn extension(&self) -> &'static str {
        "csv"
    }

    fn begin_file(&mut self) {
        self.encoder = None;
    }
}

/// A writer of rows, with the end that its bytes are taken from.
struct Encoder {
    writer: Writer<Shared>,
    bytes: Shared,
}

impl Encoder {
    fn new(options: &Options) -> Self {
        let bytes = Shared::default();
        let writer = WriterBuilder::new()
            .delimiter(options.delimiter)
            .has_headers(options.headers)
            .terminator(Terminator::Any(b'\n'))
            .buffer_capacity(ROW_BYTES)
            .from_writer(bytes.clone());
        Self { writer, bytes }
    }

    fn row<T: Serialize>(&mut self, record: &T, out: &mut Bytes) -> Result<(), String> {
        let written = self.writer.serialize(record).and_then(|()| self.writer.flush().map_err(csv::Error::from));
        let mut bytes = self.bytes.0.borrow_mut();
        if written.is_ok() {
            out.extend_from_slice(bytes.strip_suffix(b"\n").unwrap_or(&bytes));
        }
        bytes.clear();
        written.map_err(|e| format!("cannot be written as CSV: {e}"))
    }
}

/// Bytes that the writer fills and the encoder empties.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Bytes>>);

impl io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
