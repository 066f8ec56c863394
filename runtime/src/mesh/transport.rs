//! What carries the bytes of a link.
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// A connection whose two directions may be used at once, each by one thread.
pub(crate) trait Transport: Send + Sync {
    /// Reads some bytes; 0 at the end. Fails when nothing has come for the time allowed.
    fn read(&self, bytes: &mut [u8]) -> io::Result<usize>;
    /// Writes all. Fails when nothing could be written for the time allowed.
    fn write_all(&self, bytes: &[u8]) -> io::Result<()>;
    /// How long a read and a write may take.
    fn allow(&self, at_most: Duration) -> io::Result<()>;
    /// Ends both directions: who waits in them returns at once.
    fn close(&self);
}

impl Transport for TcpStream {
    fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        Read::read(&mut &*self, bytes)
    }

    fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        Write::write_all(&mut &*self, bytes)
    }

    fn allow(&self, at_most: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(at_most))?;
        self.set_write_timeout(Some(at_most))
    }

    fn close(&self) {
        let _ = self.shutdown(Shutdown::Both); // it may be closed already
    }
}

/// A transport as `std::io::Read` wants it.
pub(crate) struct Reading<'a>(pub &'a dyn Transport);

impl Read for Reading<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}
