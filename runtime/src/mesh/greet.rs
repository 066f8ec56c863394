//! Who connects says who it is; who does not, or is another, is refused, and the listener goes on.
use super::hosts::Cluster;
use super::tls::Tls;
use super::transport::{Reading, Transport};
use super::wire::{self, Answer, Hello, PREFIX_LEN, Sameness};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// So long may a greeting take.
pub(crate) const GREETING_TAKES: Duration = Duration::from_secs(5);
/// So many may greet at once; others are turned away.
const GREETERS_MAX: usize = 64;
/// How often the listener looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(20);

/// A process that has said who it is.
pub(crate) struct Guest {
    pub hello: Hello,
    pub transport: Arc<dyn Transport>,
}

impl Guest {
    /// Turns it away.
    pub fn refuse(&self, why: &str, for_good: bool) {
        tracing::warn!("process {} is refused: {why}", self.hello.index);
        let _ = say(&*self.transport, &Answer::Refused { why: why.into(), for_good }); // it may be gone
        self.transport.close();
    }
}

/// Sends a greeting, or an answer.
pub(crate) fn say<T: Serialize>(transport: &dyn Transport, what: &T) -> Result<(), String> {
    transport.write_all(&wire::greeting(what)?).map_err(|e| e.to_string())
}

/// Receives a greeting, or an answer.
pub(crate) fn listen<T: DeserializeOwned>(transport: &dyn Transport) -> Result<T, String> {
    let mut reader = Reading(transport);
    let mut prefix = [0; PREFIX_LEN];
    let cut = |e: std::io::Error| match e.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => "it says nothing".to_string(),
        _ => format!("its connection broke: {e}"),
    };
    reader.read_exact(&mut prefix).map_err(cut)?;
    let mut body = vec![0; wire::greeting_len(prefix)?];
    reader.read_exact(&mut body).map_err(cut)?;
    wire::body(&body)
}

/// Takes in connections until it is dropped.
pub(crate) struct Reception {
    pub guests: Receiver<Guest>,
    closed: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

impl Drop for Reception {
    fn drop(&mut self) {
        self.closed.store(true, SeqCst);
        let _ = self.listener.take().map(JoinHandle::join); // the address is free from now on
    }
}

impl Reception {
    /// Opens it at the address of this process.
    ///
    /// # Errors
    /// Where the address cannot be had; names it.
    pub fn open(cluster: &Cluster, sameness: Sameness) -> Result<Self, String> {
        let address = cluster.hosts.address(cluster.process).to_string();
        let wrong =
            |e: std::io::Error| format!("cannot listen at {address}, the address of process {}: {e}", cluster.process);
        let at = cluster.hosts.resolve(cluster.process).map_err(wrong)?;
        let listener = TcpListener::bind(at.as_slice()).map_err(wrong)?;
        listener.set_nonblocking(true).map_err(wrong)?;
        let (to, guests) = sync_channel(GREETERS_MAX);
        let closed = Arc::new(AtomicBool::new(false));
        let (least, tls) = (cluster.process + 1, cluster.tls.clone());
        let desk = Desk { sameness, least, tls, guests: to, busy: Arc::default() };
        let until = Arc::clone(&closed);
        let accept = move || desk.accept(&listener, &until);
        let thread = std::thread::Builder::new().name("millstream-listen".into()).spawn(accept).map_err(wrong)?;
        Ok(Self { guests, closed, listener: Some(thread) })
    }
}

#[derive(Clone)]
struct Desk {
    sameness: Sameness,
    /// Processes with lower numbers do not connect, they are connected to.
    least: usize,
    tls: Option<Tls>,
    guests: SyncSender<Guest>,
    busy: Arc<AtomicUsize>,
}

impl Desk {
    fn accept(&self, listener: &TcpListener, closed: &AtomicBool) {
        while !closed.load(SeqCst) {
            match listener.accept() {
                Ok((stream, from)) if self.busy.load(SeqCst) < GREETERS_MAX => self.greet(stream, from),
                Ok((_, from)) => tracing::warn!("{from} is turned away: {GREETERS_MAX} connections are greeting"),
                Err(_) => std::thread::sleep(LOOK), // nobody is there, or file descriptors are short
            }
        }
    }

    /// On a thread of its own: who says nothing keeps nobody else waiting.
    fn greet(&self, stream: TcpStream, from: SocketAddr) {
        self.busy.fetch_add(1, SeqCst);
        let desk = self.clone();
        let greet = move || {
            match desk.guest(stream) {
                Ok(guest) => drop(desk.guests.try_send(guest)), // nobody waits for guests any more
                Err(why) => tracing::warn!("{from} is refused: {why}"),
            }
            desk.busy.fetch_sub(1, SeqCst);
        };
        if std::thread::Builder::new().name("millstream-greet".into()).spawn(greet).is_err() {
            self.busy.fetch_sub(1, SeqCst);
        }
    }

    fn guest(&self, stream: TcpStream) -> Result<Guest, String> {
        let set = |e: std::io::Error| e.to_string();
        stream.set_nonblocking(false).map_err(set)?;
        stream.set_nodelay(true).map_err(set)?;
        stream.allow(GREETING_TAKES).map_err(set)?;
        let transport = match &self.tls {
            Some(tls) => tls.accept(stream)?,
            None => Arc::new(stream),
        };
        let hello: Hello = listen(&*transport)?;
        match self.objection(&hello) {
            None => Ok(Guest { hello, transport }),
            Some(why) => {
                let _ = say(&*transport, &Answer::Refused { why: why.clone(), for_good: true }); // it may be gone
                Err(why)
            }
        }
    }

    fn objection(&self, hello: &Hello) -> Option<String> {
        let places = self.least..self.sameness.processes as usize;
        match self.sameness.differs(&hello.sameness) {
            Some(why) => Some(why),
            None if places.contains(&(hello.index as usize)) => None,
            None => Some(format!("process {} does not connect here", hello.index)),
        }
    }
}

impl Sameness {
    /// What the other process has otherwise.
    fn differs(&self, other: &Sameness) -> Option<String> {
        let both = |what: &str, ours: &dyn std::fmt::Display, theirs: &dyn std::fmt::Display| {
            Some(format!("it has {what} {theirs}, not {ours}"))
        };
        match (self, other) {
            (a, b) if a.job != b.job => both("the job", &a.job, &b.job),
            (a, b) if a.processes != b.processes => both("a number of processes of", &a.processes, &b.processes),
            (a, b) if a.workers != b.workers => both("--workers", &a.workers, &b.workers),
            (a, b) if a.build != b.build => Some("it runs another build of the program".into()),
            (a, b) if a.graph != b.graph => Some("its build function draws another graph".into()),
            (a, b) if a.arguments != b.arguments => Some("the job has other arguments there".into()),
            _ => None,
        }
    }
}
