//! The folder of a service in `target/services`, and the cache of what was downloaded.

use super::Result;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

/// Base ports are looked for here, a hundred apart.
const PORTS: std::ops::Range<u16> = 21_000..31_000;

/// Where a service, or one instance of it, keeps everything.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn of(service: &str, instance: Option<&str>) -> Result<Self> {
        let name = instance.map_or_else(|| service.to_owned(), |i| format!("{service}-{i}"));
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return Err(format!("{name:?}: an instance is a word of letters, digits and -"));
        }
        let path = target().join("services").join(name);
        fs::create_dir_all(&path).map_err(|e| format!("cannot make {}: {e}", path.display()))?;
        path.canonicalize().map(Self).map_err(|e| format!("{}: {e}", path.display()))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.0.join(name);
        fs::write(&path, text).map_err(|e| format!("cannot write {}: {e}", path.display()))
    }

    pub(super) fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.0.join(name)).ok()
    }

    pub(super) fn forget(&self, name: &str) -> Result<()> {
        match fs::remove_file(self.0.join(name)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(format!("cannot remove {name}: {e}")),
            _ => Ok(()),
        }
    }

    pub(super) fn remove(&self) -> Result<()> {
        fs::remove_dir_all(&self.0).map_err(|e| format!("cannot remove {}: {e}", self.0.display()))
    }

    /// Nobody else starts the same service meanwhile; let go when dropped.
    pub(super) fn lock(&self) -> Result<File> {
        lock(&self.0.join("lock"))
    }

    /// The base port of the service, the same at each start: one at which all these offsets are free.
    pub(super) fn port(&self, offsets: &[u16]) -> Result<u16> {
        if let Some(port) = self.read("port").and_then(|text| text.trim().parse().ok()) {
            return Ok(port);
        }
        let start = std::process::id() as u16 % 100 * 100;
        let bases =
            PORTS.step_by(100).map(|base| (base - PORTS.start + start) % (PORTS.end - PORTS.start) + PORTS.start);
        let is_free = |base: &u16| offsets.iter().all(|o| TcpListener::bind(("127.0.0.1", base + o)).is_ok());
        let port = bases.into_iter().find(is_free).ok_or("no free ports between 21000 and 31000")?;
        self.write("port", &port.to_string())?;
        Ok(port)
    }
}

pub(super) fn lock(path: &Path) -> Result<File> {
    let file = File::create(path).map_err(|e| format!("cannot create {}: {e}", path.display()))?;
    file.lock().map_err(|e| format!("cannot lock {}: {e}", path.display()))?;
    Ok(file)
}

/// Where downloads are kept: `MILLSTREAM_CACHE`, or `millstream` in the user's cache.
pub(super) fn cache() -> Result<PathBuf> {
    let of = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let home = || of("HOME").map(|home| home.join(".cache"));
    let cache = || of("XDG_CACHE_HOME").or_else(home).map(|cache| cache.join("millstream"));
    let path = of("MILLSTREAM_CACHE").or_else(cache).ok_or("neither MILLSTREAM_CACHE nor HOME is set")?;
    fs::create_dir_all(&path).map_err(|e| format!("cannot make {}: {e}", path.display()))?;
    Ok(path)
}

/// Cargo's target folder.
fn target() -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(default, PathBuf::from)
}
