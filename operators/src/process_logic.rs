//! How `process`, `process2` and `process_fn` run: records and timers of one key at a time.
use crate::process::{Context, Process, Process2};
use crate::store::Store;
use millstream_runtime::Result;
use millstream_runtime::batch::{Batch, Parts};
use millstream_runtime::checkpoint::{OperatorInfo, Section};
use millstream_runtime::data::{Data, Key, State};
use millstream_runtime::graph::OperatorInit;
use millstream_runtime::logic::{Logic, More, Turn};
use millstream_runtime::parcel::Parcel;
use millstream_runtime::state::{Domain, KeyedState, Slot};
use millstream_runtime::time::Timestamp;
use std::task::{self, Poll};

/// So many timers fire in one turn.
const TIMERS_A_TURN: usize = 1024;
