//! Where the processes of a job are.
use super::tls::Tls;
use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

/// The largest file of hosts, in bytes.
const FILE_MAX: u64 = 1 << 20;
/// So many processes may a job have.
const PROCESSES_MAX: usize = 1024;

/// The addresses of all processes, `host:port`, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts(Vec<String>);

impl Hosts {
    /// These addresses.
    ///
    /// # Errors
    /// Where there is none, one is twice there, or one has no port.
    pub fn new(addresses: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let addresses: Vec<String> = addresses.into_iter().collect();
        if addresses.is_empty() || addresses.len() > PROCESSES_MAX {
            return Err(format!("{} addresses; a job has 1 to {PROCESSES_MAX} processes", addresses.len()));
        }
        for (i, address) in addresses.iter().enumerate() {
            let port = address.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
            if !matches!(port, Some(Ok(1..))) {
                return Err(format!("`{address}` is no address: write host:port"));
            }
            if addresses[..i].contains(address) {
                return Err(format!("`{address}` is there twice: each process has an address of its own"));
            }
        }
        Ok(Self(addresses))
    }

    /// Reads a file with one address on each line; empty lines and those that begin with `#` do not count.
    ///
    /// # Errors
    /// Where the file cannot be read, or its lines are no addresses: names the file.
    pub fn read(path: &Path) -> Result<Self, String> {
        let wrong = |e: String| format!("--hosts {}: {e}", path.display());
        let len = std::fs::metadata(path).map_err(|e| wrong(e.to_string()))?.len();
        if len > FILE_MAX {
            return Err(wrong(format!("has {len} bytes; a list of hosts has at most {FILE_MAX}")));
        }
        let text = std::fs::read_to_string(path).map_err(|e| wrong(e.to_string()))?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self::new(lines.map(String::from)).map_err(wrong)
    }

    /// How many processes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Never.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The address of a process, as it was written.
    pub fn address(&self, process: usize) -> &str {
        self.0.get(process).map_or("", String::as_str)
    }

    /// Where a process is.
    pub(crate) fn resolve(&self, process: usize) -> std::io::Result<Vec<SocketAddr>> {
        self.address(process).to_socket_addrs().map(Iterator::collect)
    }

    /// The first address that is not of this machine alone.
    pub(crate) fn beyond_loopback(&self) -> Option<&str> {
        let local = |host: &str| {
            let found = host.to_socket_addrs().map(|mut all| all.all(|at| at.ip().is_loopback()));
            found.unwrap_or(false)
        };
        self.0.iter().map(String::as_str).find(|host| !local(host))
    }
}

/// That a run is one process of several.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Where all of them are.
    pub hosts: Hosts,
    /// Which of them this is, from 0.
    pub process: usize,
    /// What the processes prove with who they are. Without it they must all be on one machine.
    pub tls: Option<Tls>,
    /// How long a process waits for the others at the start.
    pub patience: Duration,
    /// After so long without a word another process counts as lost.
    pub silence: Duration,
}

impl Cluster {
    /// One of several processes, everything else as usual.
    ///
    /// # Errors
    /// Where there are fewer hosts.
    pub fn new(hosts: Hosts, process: usize) -> Result<Self, String> {
        if process >= hosts.len() {
            return Err(format!("there is no process {process}: {} hosts are numbered from 0", hosts.len()));
        }
        Ok(Self { hosts, process, tls: None, patience: Duration::from_secs(20), silence: Duration::from_secs(6) })
    }
}

/// Names a process in messages.
pub(crate) struct Named<'a>(pub &'a Hosts, pub usize);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} ({})", self.1, self.0.address(self.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(all: &[&str]) -> Result<Hosts, String> {
        Hosts::new(all.iter().map(|s| s.to_string()))
    }

    #[test]
    fn what_is_no_list_of_addresses_is_refused_with_a_reason() {
        for (bad, why) in
            [(&[][..], "0 addresses"), (&["a"], "host:port"), (&["a:0"], "host:port"), (&["a:1", "a:1"], "twice")]
        {
            let says = hosts(bad).unwrap_err();
            assert!(says.contains(why), "{says}");
        }
        let two = hosts(&["127.0.0.1:4000", "localhost:4001"]).unwrap();
        assert_eq!((two.len(), two.beyond_loopback()), (2, None));
        assert!(Cluster::new(two, 2).unwrap_err().contains("no process 2"));
        assert_eq!(hosts(&["127.0.0.1:1", "192.0.2.1:1"]).unwrap().beyond_loopback(), Some("192.0.2.1:1"));
    }

    #[test]
    fn a_file_may_have_comments_and_empty_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts");
        std::fs::write(&path, "# ours\n 127.0.0.1:1 \n\n[::1]:2\n").unwrap();
        assert_eq!(Hosts::read(&path).unwrap(), hosts(&["127.0.0.1:1", "[::1]:2"]).unwrap());
        assert!(Hosts::read(&folder.path().join("none")).unwrap_err().contains("none"));
    }
}
