//! A proxy in front of a store, which lets requests through, answers them with errors, or never answers.
use std::io::{Read, Write, copy};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

/// What happens to connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mode {
    Pass,
    /// HTTP 503 to whatever is asked.
    Fail,
    /// Cut at once.
    Refuse,
}

/// Listens until the test is over.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    mode: AtomicU8,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// In front of `http://host:port`.
    pub(crate) fn before(endpoint: &str) -> Self {
        let upstream: SocketAddr = endpoint.trim_start_matches("http://").parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, state) = (listener.local_addr().unwrap(), Arc::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || listener.incoming().flatten().for_each(|client| shared.serve(client, upstream)));
        Self { address, state }
    }

    /// From now on, also for connections that are open.
    pub(crate) fn set(&self, mode: Mode) {
        self.state.mode.store(mode as u8, SeqCst);
        for open in self.state.open.lock().unwrap().drain(..) {
            let _ = open.shutdown(Shutdown::Both); // the client may have gone
        }
    }
}

impl State {
    fn serve(self: &Arc<Self>, client: TcpStream, upstream: SocketAddr) {
        let mode = self.mode.load(SeqCst);
        if mode == Mode::Pass as u8 {
            let server = TcpStream::connect(upstream).unwrap();
            self.open.lock().unwrap().extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
            relay(client.try_clone().unwrap(), server.try_clone().unwrap());
            relay(server, client);
        } else if mode == Mode::Fail as u8 {
            std::thread::spawn(move || answer_503(client));
        }
    }
}

fn relay(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        let _ = copy(&mut from, &mut to); // cut when the mode changes
        let _ = to.shutdown(Shutdown::Write);
    });
}

fn answer_503(mut client: TcpStream) {
    let mut head = [0; 4096];
    let _ = client.read(&mut head); // a client that has gone needs no answer
    let _ = client.write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let _ = client.shutdown(Shutdown::Write);
    while client.read(&mut head).is_ok_and(|n| n > 0) {}
}
