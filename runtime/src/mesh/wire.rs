//! Every byte that the processes of a job send each other, but for timely's own inside data frames: the greeting, and
//! the frames of a link. Drawn in docs/mesh-protocol.md; a change of any type here is a new `VERSION`.
use crate::checkpoint::FileRef;
use crate::codec;
use crate::run::control::FailureKind;
use crate::run::copies::Copies;
use crate::sight::look::Look;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The first bytes of a greeting.
const MAGIC: [u8; 8] = *b"MLSTmesh";
/// The version of everything in this file.
const VERSION: u16 = 1;
/// Magic, version, and the length of the greeting.
pub(crate) const PREFIX_LEN: usize = 14;
/// The largest greeting, and the largest answer.
pub(crate) const GREETING_MAX: usize = 4 << 10;
/// Kind and length in front of each frame.
pub(crate) const HEADER_LEN: usize = 5;
/// The largest frame of timely's bytes.
pub(crate) const DATA_MAX: usize = 1 << 20;
/// The largest message.
pub(crate) const MESSAGE_MAX: usize = 1 << 20;

/// What must be the same in all processes of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sameness {
    pub job: String,
    pub processes: u32,
    /// Workers of each process.
    pub workers: u32,
    /// A hash of the program's file.
    pub build: u64,
    /// A hash of the graph.
    pub graph: u64,
    /// A hash of the job's arguments.
    pub arguments: u64,
}

/// One attempt: its generation, and a random number that no other attempt has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    pub generation: u64,
    pub nonce: String,
}

/// What a process says when it connects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub sameness: Sameness,
    /// Which process it is.
    pub index: u32,
    /// The attempt that it belongs to: process 0 has told it. None towards process 0.
    pub session: Option<Session>,
}

/// What process 0 decides for all before an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub session: Session,
    /// The id of the state that all must share.
    pub incarnation: String,
    /// The number of the attempt's first checkpoint.
    pub first: u64,
    /// The checkpoint to go on from.
    pub restore: Option<u64>,
    /// Processing time at the start, in milliseconds since the Unix epoch.
    pub start_now: i64,
    /// The job has finished in an earlier run: nothing is to be done.
    pub over: bool,
}

/// What the process says that was connected to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// Welcome; of process 0 with its plan.
    Welcome(Option<Plan>),
    /// Not welcome; `for_good` where another try does not help.
    Refused { why: String, for_good: bool },
}

/// What a process tells process 0 of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Report {
    /// Its file of checkpoint `n` is written and read back. `marks` are the watermarks of origins, by number; `last` says
    /// that all of its operators are over; `copies` are hashes of broadcast states.
    Gathered { n: u64, file: FileRef, marks: Vec<(u32, i64)>, copies: Copies, last: bool },
    /// The file could not be written.
    NotWritten { n: u64, why: String, last: bool },
    /// Its workers have committed everything up to checkpoint `n`; 0 stands for the one that was restored.
    Committed { n: u64 },
}

/// What process 0 tells all of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Order {
    /// Checkpoint `n` is durable, or given up: then its changes go into the next.
    Settled { n: u64, durable: bool },
    /// Everything that is staged up to `n` is to be committed.
    Commit { n: u64 },
    /// The run is over; `finished` says that the job is, too.
    Finish { finished: bool },
}

/// What is sent beside data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Message {
    Report(Report),
    Order(Order),
    /// To process 0: a source has records again after it had none.
    WokeUp,
    /// To process 0: a user wants the run to stop after a last checkpoint.
    Stop,
    /// The attempt has failed in the process that says so.
    Failed {
        what: String,
        kind: FailureKind,
    },
    /// To process 0: a sink has little room for more of the open interval.
    ShortOfRoom,
    /// To process 0: what the sender sees of who holds things up.
    Look(Look),
}

/// What a frame is. Ordinals are on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Bytes of timely.
    Data = 1,
    /// A [`Message`].
    Message = 2,
    /// Nothing: the process lives.
    Heartbeat = 3,
    /// The last frame.
    End = 4,
}

/// The header of a frame with so many bytes.
pub(crate) fn header(kind: Kind, len: usize) -> [u8; HEADER_LEN] {
    debug_assert!(len <= most(kind));
    let [a, b, c, d] = (len as u32).to_le_bytes();
    [kind as u8, a, b, c, d]
}

/// Reads a header. Nothing is allocated for a frame before its length is found to be within bounds.
pub(crate) fn read_header([kind, a, b, c, d]: [u8; HEADER_LEN]) -> Result<(Kind, usize), String> {
    let all = [Kind::Data, Kind::Message, Kind::Heartbeat, Kind::End];
    let known = all.into_iter().find(|known| *known as u8 == kind);
    let known = known.ok_or_else(|| format!("a frame of the unknown kind {kind}"))?;
    let len = u32::from_le_bytes([a, b, c, d]) as usize;
    match len <= most(known) {
        true => Ok((known, len)),
        false => Err(format!("a frame of kind {kind} with {len} bytes, at most {} are allowed", most(known))),
    }
}

fn most(kind: Kind) -> usize {
    match kind {
        Kind::Data => DATA_MAX,
        Kind::Message => MESSAGE_MAX,
        Kind::Heartbeat | Kind::End => 0,
    }
}

/// A greeting or its answer, with what goes before it.
pub(crate) fn greeting<T: Serialize>(what: &T) -> Result<Vec<u8>, String> {
    let body = codec::encode(what)?;
    if body.len() > GREETING_MAX {
        return Err(format!("a greeting of {} bytes is above the limit of {GREETING_MAX}", body.len()));
    }
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend((body.len() as u32).to_le_bytes());
    bytes.extend(body);
    Ok(bytes)
}

/// How many bytes follow this beginning of a greeting.
pub(crate) fn greeting_len(prefix: [u8; PREFIX_LEN]) -> Result<usize, String> {
    let [magic @ .., v0, v1, a, b, c, d] = prefix;
    if magic != MAGIC {
        return Err("it does not speak the protocol of Millstream's processes".into());
    }
    let (version, len) = (u16::from_le_bytes([v0, v1]), u32::from_le_bytes([a, b, c, d]) as usize);
    if version != VERSION {
        return Err(format!("it speaks version {version} of the protocol, this build speaks {VERSION}"));
    }
    if len > GREETING_MAX {
        return Err(format!("its greeting has {len} bytes, at most {GREETING_MAX} are allowed"));
    }
    Ok(len)
}

/// Reads what follows the beginning of a greeting, or a message.
pub(crate) fn body<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    codec::decode(bytes).map_err(|e| format!("a message cannot be read: {e}"))
}

/// A message as it is sent.
pub(crate) fn message(message: &Message) -> Result<Vec<u8>, String> {
    let bytes = codec::encode(message)?;
    match bytes.len() <= MESSAGE_MAX {
        true => Ok(bytes),
        false => Err(format!("a message of {} bytes is above the limit of {MESSAGE_MAX}", bytes.len())),
    }
}

#[cfg(test)]
mod tests;
