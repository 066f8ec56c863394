//! Processes of the measured job, and what they say.
use crate::due::now_ms;
use std::cell::RefCell;
use std::fs::{File, read_to_string};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Set in the processes of the job.
pub const AS_JOB: &str = "MILLSTREAM_BENCH_AS_JOB";

/// Where the state is, and the logs.
pub struct Folder {
    folder: tempfile::TempDir,
    began_ms: u64,
}

impl Folder {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder for state"), began_ms: now_ms() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Of all files of checkpoints, in MiB.
    pub fn size(&self) -> u64 {
        let files = std::fs::read_dir(self.path("state").join("data")).expect("the state has files");
        files.filter_map(|file| Some(file.ok()?.metadata().ok()?.len())).sum::<u64>() >> 20
    }
}

/// Running processes.
pub struct Cluster {
    processes: RefCell<Vec<Child>>,
    logs: Vec<PathBuf>,
}

impl Cluster {
    pub fn start(folder: &Folder, processes: usize, workers: usize, flags: &[&str]) -> Self {
        Self::start_verb(folder, "run", processes, workers, flags)
    }

    pub fn start_verb(folder: &Folder, verb: &str, processes: usize, workers: usize, flags: &[&str]) -> Self {
        let listeners: Vec<_> = (0..processes).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
        let lines: Vec<String> = listeners.iter().map(|l| l.local_addr().expect("it is bound").to_string()).collect();
        drop(listeners);
        let hosts = folder.path("hosts");
        std::fs::write(&hosts, lines.join("\n")).expect("the list of hosts");
        let logs: Vec<_> = (0..processes).map(|i| folder.path(&format!("log-{}-{i}", now_ms()))).collect();
        let start = |process: usize| {
            let mut job = Command::new(std::env::current_exe().expect("this program"));
            job.env(AS_JOB, "1").arg(verb).args(flags).arg("--workers").arg(workers.to_string());
            job.arg("--began").arg(folder.began_ms.to_string()).arg("--state").arg(folder.path("state"));
            if processes > 1 {
                job.arg("--hosts").arg(&hosts).arg("--process").arg(process.to_string());
            }
            let log = File::create(&logs[process]).expect("a log");
            job.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().expect("the job starts")
        };
        Self { processes: RefCell::new((0..processes).map(start).collect()), logs }
    }

    /// Until all have ended.
    pub fn end(&self) {
        self.processes.borrow_mut().iter_mut().for_each(|process| drop(process.wait()));
    }

    pub fn kill(&self, process: usize) {
        self.processes.borrow_mut()[process].kill().expect("it runs");
    }

    /// Waits until a process says this; gives the line.
    pub fn wait_for(&self, what: &str, at_most: Duration) -> String {
        let began = Instant::now();
        while began.elapsed() < at_most {
            for log in &self.logs {
                let text = read_to_string(log).unwrap_or_default();
                if let Some(at) = text.find(what) {
                    return text[at..].lines().next().unwrap_or_default().to_string();
                }
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let said: Vec<String> = self.logs.iter().map(|log| read_to_string(log).unwrap_or_default()).collect();
        panic!("nobody said `{what}` within {at_most:?}: {said:?}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for process in self.processes.borrow_mut().iter_mut() {
            let _ = process.kill(); // it may have ended
            let _ = process.wait();
        }
    }
}
