//! Sends a file of unknown length to the store: at once if it is small, in parts if it is not.

use bytes::Bytes;
use object_store::WriteMultipart;

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
    Small(Vec<u8>),
    Parts(WriteMultipart),
}

impl Upload {
    pub(super) fn new(store: StateStore, object: String) -> Self {
        Self { store, object, len: 0, state: State::Small(Vec::new()) }
    }

    pub(super) fn object(&self) -> &str {
        &self.object
    }

    /// How many bytes were written.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.len += bytes.len() as u64;
        if let Some(parts) = self.parts().await? {
            parts.write(bytes);
        } else if let State::Small(buffer) = &mut self.state {
            buffer.extend_from_slice(bytes);
        }
        self.grow().await
    }

    /// The same without a copy, where the file is sent in parts.
    pub(super) async fn put(&mut self, bytes: Bytes) -> Result<()> {
        if let State::Small(_) = self.state {
            return self.write(&bytes).await;
        }
        self.len += bytes.len() as u64;
        if let Some(parts) = self.parts().await? {
            parts.put(bytes);
        }
        Ok(())
    }

    /// Where the file is sent in parts: waits until there may be one more.
    async fn parts(&mut self) -> Result<Option<&mut WriteMultipart>> {
        let waited = match &mut self.state {
            State::Small(_) => return Ok(None),
            State::Parts(parts) => parts.wait_for_capacity(PARTS_AT_ONCE).await,
        };
        if let Err(source) = waited {
            return Err(self.give_up(source).await);
        }
        match &mut self.state {
            State::Small(_) => Ok(None),
            State::Parts(parts) => Ok(Some(parts)),
        }
    }

    /// From here on in parts, if it is no longer small.
    async fn grow(&mut self) -> Result<()> {
        if let State::Small(buffer) = &mut self.state
            && buffer.len() > SMALL_MAX
        {
            let mut parts = self.store.put_parts(&self.object).await?;
            parts.put(Bytes::from(std::mem::take(buffer)));
            self.state = State::Parts(parts);
        }
        Ok(())
    }

    /// The parts that are there would be paid for until somebody removes them. (Those of a process that was killed are:
    /// give the bucket a rule that ends incomplete uploads.)
    async fn give_up(&mut self, source: object_store::Error) -> CheckpointError {
        if let State::Parts(parts) = std::mem::replace(&mut self.state, State::Small(Vec::new()))
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
            State::Small(buffer) => match self.store.put_new(&self.object, Bytes::from(buffer)).await? {
                Put::Created | Put::Exists => Ok(()),
            },
            State::Parts(parts) => parts.finish().await.map(drop).map_err(|e| write_error(&self.object, e)),
        }
    }
}
