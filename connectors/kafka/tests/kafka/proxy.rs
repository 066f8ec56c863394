//! A proxy between clients and the broker whose connections a test can cut.
use std::io::copy;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::spawn;

/// Above the broker's port: where the listener for proxies is, and the address that it tells its clients.
const BEHIND: u16 = 60;
const BEFORE: u16 = 80;

/// See the module.
pub struct Proxy {
    pub address: String,
    is_cut: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    /// Before the broker that `cargo xtask services up kafka` has started.
    pub fn start(brokers: &str) -> Self {
        let port: u16 = brokers.rsplit(':').next().unwrap().parse().unwrap();
        let listener = TcpListener::bind(("127.0.0.1", port + BEFORE)).unwrap();
        let proxy =
            Self { address: listener.local_addr().unwrap().to_string(), is_cut: Arc::default(), open: Arc::default() };
        let (is_cut, open) = (Arc::clone(&proxy.is_cut), Arc::clone(&proxy.open));
        spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Some(broker) =
                    TcpStream::connect(("127.0.0.1", port + BEHIND)).ok().filter(|_| !is_cut.load(SeqCst))
                else {
                    continue; // hung up
                };
                open.lock().unwrap().extend([client.try_clone().unwrap(), broker.try_clone().unwrap()]);
                let (mut from, mut to) = (client.try_clone().unwrap(), broker.try_clone().unwrap());
                spawn(move || drop((copy(&mut from, &mut to), to.shutdown(Shutdown::Both))));
                let (mut from, mut to) = (broker, client);
                spawn(move || drop((copy(&mut from, &mut to), to.shutdown(Shutdown::Both))));
            }
        });
        proxy
    }

    /// Cuts every connection, and takes no new one.
    pub fn cut(&self) {
        self.is_cut.store(true, SeqCst);
        self.open.lock().unwrap().drain(..).for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
    }

    pub fn heal(&self) {
        self.is_cut.store(false, SeqCst);
    }
}
