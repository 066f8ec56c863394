//! Standard error, on which log lines and one live line share a terminal.
use super::secrets::redacted;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The live line as it stands on the terminal; empty where there is none.
static LINE: Mutex<String> = Mutex::new(String::new());

/// Back to the start of the line, and clears it.
const CLEAR: &str = "\r\x1b[2K";

fn line() -> MutexGuard<'static, String> {
    LINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether standard error is a terminal.
pub(crate) fn is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Rewrites the live line; an empty one takes it away.
pub(crate) fn show(text: &str) {
    let mut line = line();
    let before = std::mem::replace(&mut *line, text.into());
    if !before.is_empty() || !text.is_empty() {
        let _ = io::stderr().write_all(drawn(text).as_bytes()); // a terminal that has gone away does not matter
    }
}

/// Cut at the terminal's right edge by the terminal itself, since we do not know where that is: a line that wraps could
/// not be cleared.
fn drawn(text: &str) -> String {
    if text.is_empty() { CLEAR.into() } else { format!("{CLEAR}\x1b[?7l{text}\x1b[?7h") }
}

/// Writes whole lines above the live line.
#[derive(Debug, Default)]
pub(crate) struct Above;

impl Write for Above {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let text = String::from_utf8_lossy(bytes);
        let redacted = redacted(&text);
        let (line, bytes) = (line(), redacted.as_bytes());
        let mut stderr = io::stderr().lock();
        if line.is_empty() {
            return stderr.write_all(bytes);
        }
        stderr.write_all(CLEAR.as_bytes())?;
        stderr.write_all(bytes)?;
        stderr.write_all(drawn(&line).as_bytes())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
