//! A network that can be cut: what comes in after the cut goes nowhere, and nobody is told.
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::spawn;

/// Forwards connections until it is cut.
pub struct Proxy {
    pub address: SocketAddr,
    cut: Arc<AtomicBool>,
}

impl Proxy {
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, cut) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let is_cut = Arc::clone(&cut);
        spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect(target) else { continue };
                for (from, to) in [(near.try_clone(), far.try_clone()), (Ok(far), Ok(near))] {
                    let (from, to, is_cut) = (from.unwrap(), to.unwrap(), Arc::clone(&is_cut));
                    spawn(move || forward(from, to, &is_cut));
                }
            }
        });
        Self { address, cut }
    }

    pub fn cut(&self) {
        self.cut.store(true, SeqCst);
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, is_cut: &AtomicBool) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if !is_cut.load(SeqCst) && to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    if !is_cut.load(SeqCst) {
        let _ = to.shutdown(std::net::Shutdown::Write); // the other end may be gone
    }
}
