//! What can be wrong with keyed state. The operator's uid is added by who runs the operator.
use crate::data::StoredSchema;
use std::fmt;

/// Why state cannot be kept or restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateError {
    /// A value, sub-key or timer does not survive its encoding.
    Codec {
        /// The column, and the type.
        column: String,
        /// What the codec says.
        what: String,
    },
    /// A key cannot be written or read.
    Key(String),
    /// A snapshot was frozen while the one before is neither durable nor abandoned.
    Outstanding,
    /// A stored key lies in a group that is not its own.
    WrongGroup {
        /// The group it was stored in.
        found: u16,
        /// The group of its bytes.
        computed: u16,
    },
    /// A stored value or sub-key cannot be read.
    Unreadable {
        /// The column.
        column: String,
        /// What the codec, or the migration, says.
        what: String,
    },
    /// What was stored under one schema is asked for under another, and there is no migration.
    Schema {
        /// `the key`, or the column.
        part: String,
        /// The schema in the checkpoint.
        stored: Box<StoredSchema>,
        /// The schema of this build.
        now: Box<StoredSchema>,
    },
    /// A column was stored as one kind of state and is another now.
    Kind {
        /// The column.
        column: String,
        /// What it was and what it is.
        what: String,
    },
    /// The checkpoint has columns that this build does not know.
    UnknownColumns(Vec<String>),
    /// An entry names a column that its checkpoint does not describe.
    NoSuchColumn(u16),
    /// What a snapshot writes cannot be kept until its checkpoint, as the reason says.
    Changes(String),
    /// State that does not fit into memory cannot be kept on the disk.
    Scratch {
        /// The scratch folder.
        folder: String,
        /// What the store there says.
        what: String,
    },
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Codec { column, what } => write!(f, "state `{column}`: {what}"),
            Self::Key(what) => write!(f, "a key: {what}"),
            Self::Outstanding => f.write_str("a snapshot begins before the one before is durable or abandoned"),
            Self::WrongGroup { found, computed } => write!(
                f,
                "a key of group {computed} is stored in group {found}: the checkpoint is damaged, or it was written \
                 with another hash; restore an older one"
            ),
            Self::Unreadable { column, what } => write!(f, "stored state `{column}` cannot be read: {what}"),
            Self::Schema { part, stored, now } => write!(
                f,
                "{part} was stored as `{}` version {} {} and is `{}` version {} {} now; count the version up and write \
                 `#[state(version = {}, from = ..)]` with the old type, or restore without this operator's state",
                stored.name,
                stored.version,
                stored.definition,
                now.name,
                now.version,
                now.definition,
                stored.version + 1,
            ),
            Self::Kind { column, what } => write!(f, "state `{column}` {what}; give the field a new name"),
            Self::UnknownColumns(names) => write!(
                f,
                "the checkpoint has state that this build does not know: `{}`; name it as dropped, or put the field \
                 back (a renamed field is a new one)",
                names.join("`, `")
            ),
            Self::Scratch { folder, what } => write!(
                f,
                "the scratch folder {folder} cannot be used: {what}; give another one with --scratch, or more memory with \
                 --state-memory"
            ),
            Self::Changes(what) => write!(f, "what has changed cannot be written: {what}"),
            Self::NoSuchColumn(column) => {
                write!(f, "an entry names column {column}, which its checkpoint does not describe")
            }
        }
    }
}

impl std::error::Error for StateError {}
