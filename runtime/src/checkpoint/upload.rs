//! Sends a file of unknown length to the store: at once if it is small, in parts if it is not.

use bytes::Bytes;
use object_store::{PutPayloadMut, WriteMultipart};

use super::error::{CheckpointError, Result};
use super::store::{Put, StateStore, write_error};

/// Above this size a file is sent in parts.
const SMALL_MAX: usize = 8 << 20;

/// Parts that may be on their way at once.
const PARTS_AT_ONCE: usize = 2;

/// An object that is being written front to back.
pub(super) struct Upload {
    store: StateStore,
    object: String,
    len: u64,
    state: State,
}

enum State {
    Small(PutPayloadMut),
    Parts(WriteMultipart),
}

impl Upload {
    pub(super) fn new(store: StateStore, object: String) -> Self {
        Self { store, object, len: 0, state: State::Small(PutPayloadMut::new()) }
    }

    pub(super) fn object(&self) -> &str {
        &self.object
    }

    /// How many bytes were written.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self.room().await? {
            State::Small(payload) => payload.extend_from_slice(bytes),
            State::Parts(parts) => parts.write(bytes),
        }
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// The same without a copy.
    pub(super) async fn put(&mut self, bytes: Bytes) -> Result<()> {
        let len = bytes.len() as u64;
        match self.room().await? {
            State::Small(payload) => payload.push(bytes),
            State::Parts(parts) => parts.put(bytes),
        }
        self.len += len;
        Ok(())
    }

    /// Where the next bytes go: into parts once the file is no longer small, when there may be one more.
    async fn room(&mut self) -> Result<&mut State> {
        match &mut self.state {
            State::Small(payload) if payload.content_length() > SMALL_MAX => {
                let mut parts = self.store.put_parts(&self.object).await?;
                std::mem::take(payload).freeze().into_iter().for_each(|bytes| parts.put(bytes));
                self.state = State::Parts(parts);
            }
            State::Small(_) => {}
            State::Parts(parts) => {
                if let Err(source) = parts.wait_for_capacity(PARTS_AT_ONCE).await {
                    return Err(self.give_up(source).await);
                }
            }
        }
        Ok(&mut self.state)
    }

    /// The parts that are there would be paid for until somebody removes them. (Those of a process that was killed are:
    /// give the bucket a rule that ends incomplete uploads.)
    async fn give_up(&mut self, source: object_store::Error) -> CheckpointError {
        if let State::Parts(parts) = std::mem::replace(&mut self.state, State::Small(PutPayloadMut::new()))
            && let Err(e) = parts.abort().await
        {
            tracing::warn!("the parts of {} could not be removed: {e}", self.object);
        }
        write_error(&self.object, source)
    }

    /// Makes the object appear, durable. Its name must be new.
    pub(super) async fn finish(self) -> Result<()> {
        match self.state {
            // Its name is random, so what stands there is this file: a client sends a request again where the answer to
            // it was lost. Whoever finishes a file reads it back.
            State::Small(payload) => match self.store.put_new(&self.object, payload).await? {
                Put::Created | Put::Exists => Ok(()),
            },
            State::Parts(parts) => parts.finish().await.map(drop).map_err(|e| write_error(&self.object, e)),
        }
    }
}
