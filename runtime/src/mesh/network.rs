//! The links of an attempt in the hands of timely.
use super::Cluster;
use super::courier::Posts;
use super::link::{Ended, LinkStream, Links};
use crate::run::ears::Ears;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use timely::communication::allocator::zero_copy::initialize::initialize_networking_from_sockets;
use timely::communication::allocator::{AllocatorBuilder, ProcessBuilder};
use timely::communication::{Config, Hooks};

/// The threads of links may take so long to end when the workers have.
const END_TAKES: Duration = Duration::from_secs(5);

/// See the module. Without links for a process that is alone.
pub(crate) struct Network {
    streams: Vec<Option<LinkStream>>,
    ended: Ended,
    process: usize,
}

impl Network {
    /// From now on the other processes hear that this one lives.
    ///
    /// # Errors
    /// Where a thread cannot be had.
    pub fn start(cluster: Option<&Cluster>, posts: Posts, links: &Links, ears: &Arc<Ears>) -> io::Result<Self> {
        let (streams, ended) = posts.start(links, ears)?;
        Ok(Self { streams, ended, process: cluster.map_or(0, |cluster| cluster.process) })
    }

    /// The channels of this process's workers; they are encoded within the process, too, if `binary` says so.
    ///
    /// # Errors
    /// Where timely's threads cannot be had.
    pub fn connect(self, workers: usize, binary: bool) -> Result<(Vec<AllocatorBuilder>, Ended), String> {
        if self.streams.is_empty() {
            let config = match (workers, binary) {
                (1, false) => Config::Process(1),
                (workers, true) => Config::ProcessBinary(workers),
                (workers, false) => Config::Process(workers),
            };
            return Ok((config.try_build()?.0, self.ended));
        }
        let hooks = Hooks::default();
        let inside = match binary {
            true => ProcessBuilder::new_bytes_vector(workers, hooks.refill.clone(), None),
            false => ProcessBuilder::new_typed_vector(workers, hooks.refill.clone(), None),
        };
        let connected = initialize_networking_from_sockets(inside, self.streams, self.process, workers, hooks);
        let (builders, guard) = connected.map_err(|e| format!("no threads for the other processes: {e}"))?;
        // It would join threads that may have panicked, and panic in turn; `ended` says when they are gone.
        std::mem::forget(guard);
        Ok((builders.into_iter().map(AllocatorBuilder::Tcp).collect(), self.ended))
    }
}

/// Waits until all threads of all links have ended: what was sent has left this process then.
pub(crate) fn wait_for(ended: &Ended) {
    if ended.recv_timeout(END_TAKES) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
        tracing::warn!("another process has not said within {END_TAKES:?} that it has ended");
    }
}
