//! Files and folders, standard input and output.
//!
//! [`Files::lines`] reads lines, also of a folder whose files grow and are rotated; [`Files::write`] stages an
//! interval's records in hidden files and makes them visible, whole, when the checkpoint is durable;
//! [`Console::stdout`] prints.

#[cfg(feature = "pipeline")]
pub mod pipeline;
mod sink;
mod source;

pub use crate::sink::console::{Console, Stdout, StdoutWriter};
pub use crate::sink::staged::StagedFile;
pub use crate::sink::writer::FileWriter;
pub use crate::sink::{FileSink, Files};
pub use crate::source::reader::FileReader;
pub use crate::source::split::{FileOffset, FileSplit};
pub use crate::source::{DEFAULT_MAX_LINE, FileSource, MAX_FILES};
