//! The protocol on timely: ticks, epochs, the cut, watermarks. `docs/protocol.md` tells it in prose.
//!
//! One idea carries everything: the tick is a record whose capability is the epoch. Worker 0 sends "open e" at time e; a
//! source holds the capability of the last tick it received and closes its slice when the next one comes.

pub(crate) mod alarm;
pub(crate) mod backlog;
pub(crate) mod commits;
pub(crate) mod credit;
pub(crate) mod delaying;
pub(crate) mod discovery;
pub(crate) mod epoch;
pub(crate) mod front;
pub(crate) mod fuel;
pub(crate) mod inbox;
pub(crate) mod lanes;
pub mod logic;
pub(crate) mod looped;
pub(crate) mod marks;
pub(crate) mod operator;
pub(crate) mod origin;
pub(crate) mod pace;
pub(crate) mod ports;
pub(crate) mod readers;
pub(crate) mod relay;
pub(crate) mod sink;
pub(crate) mod source;
pub mod stage;
pub(crate) mod tick;
pub(crate) mod ticker;
pub(crate) mod watch;
pub(crate) mod worker;
