//! The main job as two processes with one worker each.
use crate::proxy::Proxy;
use crate::world::World;
use rustix::process::{Pid, Signal, kill_process};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

/// What a process ends with when the other one is lost.
pub const LOST: Option<i32> = Some(75);

/// Kills what is left of it when a test fails.
pub struct Pair {
    pub processes: [Child; 2],
    /// Between process 1 and process 0, where there is one.
    pub proxy: Option<Proxy>,
}

impl Drop for Pair {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill(); // it may have ended
            let _ = process.wait();
        }
    }
}

impl Pair {
    pub fn start(world: &World, with_proxy: bool) -> Self {
        Self::start_verb(world, "run", with_proxy)
    }

    pub fn start_verb(world: &World, verb: &str, with_proxy: bool) -> Self {
        let addresses = [free(), free()];
        let proxy = with_proxy.then(|| Proxy::to(addresses[0]));
        let seen = [addresses[0], proxy.as_ref().map_or(addresses[0], |proxy| proxy.address)];
        let processes = [0, 1].map(|process| {
            let hosts = world.path(&format!("hosts-{}-{process}", addresses[0].port()));
            std::fs::write(&hosts, format!("{}\n{}\n", seen[process], addresses[1])).unwrap();
            let (hosts, process) = (hosts.to_string_lossy().into_owned(), process.to_string());
            let flags = ["--hosts", &hosts, "--process", &process, "--silence", "2s", "--patience", "10s"];
            world.start_with(&[&[verb], &flags[..]].concat())
        });
        Self { processes, proxy }
    }

    /// How a process ends, if it does so in time.
    pub fn end(&mut self, process: usize, within: Duration) -> Option<ExitStatus> {
        let began = Instant::now();
        while began.elapsed() < within {
            if let Some(status) = self.processes[process].try_wait().unwrap() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }

    /// Both end by themselves, and well; or both with the code for a lost process, after which they are to be started again.
    pub fn try_end_well(mut self, world: &World, what: &str) -> bool {
        let codes = [0, 1].map(|process| self.end(process, Duration::from_secs(120)).and_then(|s| s.code()));
        assert!(codes == [Some(0); 2] || codes == [LOST; 2], "{what}: {codes:?}\n{}", world.log());
        codes == [Some(0); 2]
    }

    pub fn end_well(self, world: &World, what: &str) {
        assert!(self.try_end_well(world, what), "{what}: a process was lost\n{}", world.log());
    }

    pub fn signal(&self, process: usize, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.processes[process].id()).unwrap()).unwrap();
        let _ = kill_process(pid, signal); // it may have ended
    }
}

/// An address that nobody listens at.
pub fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
