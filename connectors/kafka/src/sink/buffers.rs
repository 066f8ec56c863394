//! The buffers of a write-ahead, used again and again: memory that was given back to the system costs a page fault, and the
//! clearing of the page, when it is wanted again.
use crate::sink::lock;
use millstream_runtime::sink::Chunk;
use std::sync::{Arc, Mutex, Weak};

/// A buffer is closed at this size. Records do not cross buffers, until a checkpoint was read back.
pub(crate) const BUFFER: usize = 256 << 10;
/// What a record may have beyond that without a larger buffer.
const SPARE: usize = BUFFER / 8;

/// The idle buffers of a writer.
#[derive(Clone)]
pub(crate) struct Buffers {
    idle: Arc<Mutex<Vec<Vec<u8>>>>,
    most: usize,
}

/// The bytes of a chunk; they go home when the last one who has the chunk lets go.
struct Lent {
    bytes: Vec<u8>,
    home: Weak<Mutex<Vec<Vec<u8>>>>,
    most: usize,
}

impl Buffers {
    /// Keeps at most so many bytes, about.
    pub fn new(most: usize) -> Self {
        Self { idle: Arc::default(), most: most / (BUFFER + SPARE) }
    }

    /// An empty one.
    pub fn take(&self) -> Vec<u8> {
        let idle = lock(&self.idle).pop();
        idle.unwrap_or_else(|| Vec::with_capacity(BUFFER + SPARE))
    }

    /// What was filled, to be shared and read.
    pub fn close(&self, bytes: Vec<u8>) -> Chunk {
        Chunk::from_owner(Lent { bytes, home: Arc::downgrade(&self.idle), most: self.most })
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let is_usual = self.bytes.capacity() == BUFFER + SPARE; // not grown for a large record
        let Some(home) = self.home.upgrade().filter(|_| is_usual) else { return };
        let mut idle = lock(&home);
        if idle.len() < self.most {
            self.bytes.clear();
            idle.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_when_nobody_reads_it_any_more() {
        let buffers = Buffers::new(1 << 20);
        let mut one = buffers.take();
        one.extend_from_slice(b"abc");
        let at = one.as_ptr();
        let chunk = buffers.close(one);
        let part = chunk.slice(1..);
        drop(chunk);
        let other = buffers.take();
        assert_ne!(other.as_ptr(), at);
        assert_eq!(&part[..], b"bc");
        drop(part);
        let again = buffers.take();
        assert_eq!((again.as_ptr(), again.len()), (at, 0));
    }

    #[test]
    fn no_more_are_kept_than_was_said_and_none_that_is_large() {
        let buffers = Buffers::new(2 * (BUFFER + SPARE));
        drop(buffers.close(vec![0; 2 * BUFFER]));
        assert!(buffers.idle.lock().unwrap().is_empty());
        let all: Vec<_> = (0..3).map(|_| buffers.close(buffers.take())).collect();
        drop(all);
        assert_eq!(buffers.idle.lock().unwrap().len(), 2);
    }
}
