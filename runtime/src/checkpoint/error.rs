//! What can go wrong between a checkpoint and its store, said in plain English.

use std::fmt;

/// A result of this module.
pub type Result<T> = std::result::Result<T, CheckpointError>;

/// Why a checkpoint could not be written, read or claimed.
///
/// Every text names the file and, where bytes were judged, the byte.
#[derive(Debug)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The store refused or failed a request.
    Store {
        /// What was being done, as a verb with its object: `write manifests/…`.
        doing: String,
        /// What the store answered.
        source: object_store::Error,
    },
    /// Bytes could not be forced to the disk. Never retry: a second try may report success for bytes that are gone.
    NotDurable {
        /// The object that was being written.
        name: String,
        /// What the store answered.
        source: object_store::Error,
    },
    /// The file for changes that wait for their checkpoint, and are too many for memory, could not be used.
    Scratch {
        /// The folder that it was made in.
        folder: String,
        /// What the disk answered.
        source: std::io::Error,
    },
    /// A file holds bytes that nothing of ours has written.
    Corrupt {
        /// The object in the state folder.
        name: String,
        /// The first byte of the part that is wrong.
        at: u64,
        /// What is wrong with it.
        what: String,
    },
    /// A checkpoint cannot be read; an older one is taken only when the user says so.
    Unreadable {
        /// Its number.
        number: u64,
        /// The next older number that exists.
        older: Option<u64>,
        /// What is wrong with it.
        source: Box<CheckpointError>,
    },
    /// An object that must exist is not there.
    Missing {
        /// The object in the state folder.
        name: String,
        /// Why it must exist and what to do.
        what: String,
    },
    /// The state's location cannot be used.
    Location {
        /// The location as the user gave it.
        location: String,
        /// What is wrong with it and what to do.
        what: String,
    },
    /// The state's location belongs to another job.
    OtherJob {
        /// The location as the user gave it.
        location: String,
        /// The job that the location belongs to.
        found: String,
        /// The job that wanted it.
        wanted: String,
    },
    /// A newer attempt runs this job; this one must stop.
    Fenced {
        /// This attempt.
        generation: u64,
        /// The newer attempt.
        by: u64,
    },
    /// Other attempts took every generation this one tried to claim.
    Contended {
        /// How often this one tried.
        tries: u32,
    },
    /// Whether manifest `number` exists, or whether this attempt is fenced, could not be found out.
    /// The attempt must stop; the next one reads the truth from the store.
    Unresolved {
        /// The number of the manifest.
        number: u64,
        /// The last failure.
        source: Box<CheckpointError>,
    },
    /// A manifest that breaks a rule was about to be written, or its number is taken.
    Refused {
        /// What was refused.
        name: String,
        /// Which rule it breaks.
        what: String,
    },
    /// Something is larger than the format allows.
    TooLarge {
        /// What is too large, with its uid or file.
        name: String,
        /// Its size in bytes.
        len: u64,
        /// The largest allowed size in bytes.
        max: u64,
    },
    /// An operator cannot take the state that a checkpoint holds for it. Made by the callers of `Snapshot::keyed`.
    State {
        /// The operator.
        uid: String,
        /// What it cannot take, and what to do.
        what: String,
    },
}

impl CheckpointError {
    pub(super) fn corrupt(name: impl Into<String>, at: u64, what: impl Into<String>) -> Self {
        Self::Corrupt { name: name.into(), at, what: what.into() }
    }

    pub(super) fn refused(name: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Refused { name: name.into(), what: what.into() }
    }

    /// The error in words, and what a user can do about files that cannot be read.
    pub(crate) fn with_cure(&self) -> String {
        match self {
            Self::Corrupt { .. } | Self::Missing { .. } => format!(
                "{self}; an older checkpoint is taken only if you say so: `--restore N`, and `millstream checkpoints \
                 verify` tells which are whole"
            ),
            _ => self.to_string(),
        }
    }

    /// Whether the attempt must end because of this, however many checkpoint failures the user tolerates.
    #[must_use]
    pub fn stops_the_attempt(&self) -> bool {
        match self {
            Self::NotDurable { .. } | Self::Fenced { .. } | Self::Unresolved { .. } | Self::Refused { .. } => true,
            // Changes that are lost would be missing in the next checkpoint, too: the last one has what is needed.
            Self::Scratch { .. } => true,
            _ => false,
        }
    }
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store { doing, source } => write!(f, "cannot {doing}: {source}"),
            Self::NotDurable { name, source } => {
                write!(f, "{name} could not be forced to the disk, so the attempt stops: {source}")
            }
            Self::Scratch { folder, source } => write!(
                f,
                "cannot keep changes for their checkpoint in the scratch folder {folder}: {source}; give another one with \
                 --scratch, or more memory with --state-memory"
            ),
            Self::Corrupt { name, at, what } => write!(f, "{name} is damaged at byte {at}: {what}"),
            Self::Unreadable { number, older, source } => {
                write!(f, "checkpoint {number} cannot be read: {source}; ")?;
                match older {
                    Some(older) => {
                        write!(f, "`--restore {older}` takes an older one, and what was committed after it comes again")
                    }
                    None => write!(f, "there is no older one; `--restore none` starts without state"),
                }
            }
            Self::Missing { name, what } => write!(f, "{name} does not exist: {what}"),
            Self::Location { location, what } => write!(f, "cannot keep state in `{location}`: {what}"),
            Self::OtherJob { location, found, wanted } => write!(
                f,
                "the state in `{location}` belongs to the job `{found}`, not to `{wanted}`: give each job its own --state"
            ),
            Self::Fenced { generation, by } => {
                write!(f, "attempt {generation} of this job stops, because attempt {by} has started")
            }
            Self::Contended { tries } => {
                write!(
                    f,
                    "other attempts of this job took every generation in {tries} tries: is something restarting it in a loop?"
                )
            }
            Self::Unresolved { number, source } => {
                write!(f, "it is unknown whether checkpoint {number} is durable, so the attempt stops: {source}")
            }
            Self::Refused { name, what } => write!(f, "{name} is refused: {what}"),
            Self::TooLarge { name, len, max } => write!(f, "{name} has {len} bytes; {max} is the most"),
            Self::State { uid, what } => write!(f, "state of `{uid}`: {what}"),
        }
    }
}

impl std::error::Error for CheckpointError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store { source, .. } | Self::NotDurable { source, .. } => Some(source),
            Self::Scratch { source, .. } => Some(source),
            Self::Unreadable { source, .. } | Self::Unresolved { source, .. } => Some(source),
            _ => None,
        }
    }
}
