//! The connection to another process, as timely sees it: a stream of bytes. Heartbeats and messages travel between them.
//!
//! Timely's threads panic when a connection fails, and take a connection that ends for a process that is done. Neither
//! fits: a lost process ends the attempt with one clear error, and only an `End` frame is a clean end. So a failure is told
//! to the attempt; writes go nowhere from then on, and a read returns only when no worker is left that could see it.
use super::outbox::Post;
use super::transport::{Reading, Transport};
use super::wire::{self, DATA_MAX, HEADER_LEN, Kind};
use crate::run::control::locked;
use crate::run::ears::Ears;
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex};
use timely::communication::allocator::zero_copy::stream::Stream;

/// Bytes are read in pieces of at most this size, unless timely wants more at once.
const BUFFER: usize = 64 << 10;

/// By process; none for this one.
pub(crate) type Links = Vec<Option<Arc<Link>>>;

/// Disconnected when all threads of all links have ended.
pub(crate) type Ended = Receiver<()>;

/// See the module.
pub(crate) struct Link {
    /// Which process is at the other end.
    pub peer: usize,
    /// The same for people.
    name: String,
    transport: Arc<dyn Transport>,
    outgoing: Mutex<Outgoing>,
    incoming: Mutex<Incoming>,
}

struct Outgoing {
    is_open: bool,
    buffer: Vec<u8>,
}

struct Incoming {
    reader: BufReader<Owned>,
    /// What is left of the data frame that is being read.
    left: usize,
    has_ended: bool,
}

struct Owned(Arc<dyn Transport>);

impl Read for Owned {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        Reading(&*self.0).read(bytes)
    }
}

impl Link {
    pub fn new(peer: usize, name: String, transport: Arc<dyn Transport>) -> Self {
        let reader = BufReader::with_capacity(BUFFER, Owned(Arc::clone(&transport)));
        Self {
            peer,
            name,
            transport,
            outgoing: Mutex::new(Outgoing { is_open: true, buffer: vec![] }),
            incoming: Mutex::new(Incoming { reader, left: 0, has_ended: false }),
        }
    }

    /// Sends a frame, unless the link is closed.
    pub fn send(&self, kind: Kind, body: &[u8]) -> Result<(), String> {
        let mut outgoing = locked(&self.outgoing);
        if !outgoing.is_open {
            return Ok(());
        }
        let Outgoing { is_open, buffer } = &mut *outgoing;
        buffer.clear();
        buffer.extend(wire::header(kind, body.len()));
        buffer.extend_from_slice(body);
        *is_open = kind != Kind::End;
        self.transport.write_all(buffer).map_err(|e| {
            *is_open = false;
            self.failed(&e)
        })
    }

    /// Ends both directions.
    pub fn close(&self) {
        self.transport.close(); // first: a thread that waits in a write holds the lock
        locked(&self.outgoing).is_open = false;
    }

    fn failed(&self, e: &io::Error) -> String {
        match e.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => format!("{} has been silent for too long", self.name),
            ErrorKind::UnexpectedEof => format!("{} is gone: its connection was closed", self.name),
            _ => format!("{} is gone: {e}", self.name),
        }
    }

    /// Bytes for timely; none after the last frame.
    fn read(&self, bytes: &mut [u8], ears: &Ears) -> Result<usize, String> {
        let mut incoming = locked(&self.incoming);
        while incoming.left == 0 {
            if incoming.has_ended {
                return Ok(0);
            }
            self.next_frame(&mut incoming, ears)?;
        }
        let most = bytes.len().min(incoming.left);
        let read = loop {
            match incoming.reader.read(&mut bytes[..most]) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Ok(0) if most > 0 => return Err(self.failed(&ErrorKind::UnexpectedEof.into())),
                done => break done.map_err(|e| self.failed(&e))?,
            }
        };
        incoming.left -= read;
        Ok(read)
    }

    /// Takes in frames up to the next with data.
    fn next_frame(&self, incoming: &mut Incoming, ears: &Ears) -> Result<(), String> {
        let mut header = [0; HEADER_LEN];
        incoming.reader.read_exact(&mut header).map_err(|e| self.failed(&e))?;
        let (kind, len) = wire::read_header(header).map_err(|e| format!("{} sent {e}", self.name))?;
        match kind {
            Kind::Data => incoming.left = len,
            Kind::Message => {
                let mut body = vec![0; len];
                incoming.reader.read_exact(&mut body).map_err(|e| self.failed(&e))?;
                let message = wire::body(&body).map_err(|e| format!("{}: {e}", self.name))?;
                ears.hear(self.peer, &self.name, message);
            }
            Kind::Heartbeat => {}
            Kind::End => incoming.has_ended = true,
        }
        Ok(())
    }
}

/// A link in timely's hands.
pub(crate) struct LinkStream {
    pub link: Arc<Link>,
    pub ears: Arc<Ears>,
    pub courier: Sender<Post>,
    /// Dropped with the last clone.
    pub alive: Sender<()>,
}

impl Read for LinkStream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self.link.read(bytes, &self.ears) {
            Ok(read) => Ok(read),
            Err(why) => {
                self.link.close();
                self.ears.lost(why);
                // A worker that finds its queue poisoned would panic, too. Without a hook: the error is said once.
                std::panic::resume_unwind(Box::new("a process was lost"))
            }
        }
    }
}

impl Write for LinkStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let most = bytes.len().min(DATA_MAX);
        if let Err(why) = self.link.send(Kind::Data, &bytes[..most]) {
            self.link.close();
            self.ears.fail(why);
        }
        Ok(most)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for LinkStream {
    fn try_clone(&self) -> io::Result<Self> {
        let (link, ears) = (Arc::clone(&self.link), Arc::clone(&self.ears));
        Ok(Self { link, ears, courier: self.courier.clone(), alive: self.alive.clone() })
    }

    fn set_nonblocking(&self, _nonblocking: bool) -> io::Result<()> {
        Ok(()) // it always blocks
    }

    /// The end goes behind the messages that still wait.
    fn shutdown(&self, _how: Shutdown) -> io::Result<()> {
        let _ = self.courier.send(Post::End); // a courier that is gone has closed the link
        Ok(())
    }
}
