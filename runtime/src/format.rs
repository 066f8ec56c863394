//! The contract of a format: bytes to records and back. The formats themselves are connectors.
use crate::data::Bytes;
use std::fmt::Display;

/// Bytes to a record. A function `fn(&str) -> Result<T, E>` is a text format too.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not decode `{T}`",
    label = "formats that decode: `Json`, `Csv`, `Text`, .. or a function `fn(&str) -> Result<T, E>`"
)]
pub trait Decode<T>: 'static {
    /// Reads one record that fills `bytes`: a line without its end, a message's payload.
    ///
    /// # Errors
    /// Where the bytes are no such record. The text becomes the dead letter's reason.
    fn decode(&mut self, bytes: &[u8]) -> Result<T, String>;
}

/// A record to bytes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not encode `{T}`",
    label = "`Json` encodes what derives `Serialize`, `Text` what implements `Display`; or implement `Encode<{T}>`"
)]
pub trait Encode<T>: 'static {
    /// Appends one record to `out`, without the line's end. After an error `out` may hold a part of it.
    ///
    /// # Errors
    /// Where the format cannot say the record.
    fn encode(&mut self, record: &T, out: &mut Bytes) -> Result<(), String>;

    /// What the names of its files end in, without the dot.
    fn extension(&self) -> &'static str {
        "txt"
    }

    /// Called before the first record of each file: what stands once at a file's head, such as CSV's column names, is
    /// due again.
    fn begin_file(&mut self) {}
}

#[diagnostic::do_not_recommend]
impl<T, E: Display, F: FnMut(&str) -> Result<T, E> + 'static> Decode<T> for F {
    fn decode(&mut self, bytes: &[u8]) -> Result<T, String> {
        self(utf8(bytes)?).map_err(|e| e.to_string())
    }
}

/// The bytes as text.
///
/// # Errors
/// Names the first byte that is no UTF-8, counted from 0.
pub fn utf8(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|e| format!("invalid UTF-8 at byte {}", e.valid_up_to()))
}
