//! Jars by their Maven coordinates.

use super::{Result, folder};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The plugin's version is pinned, as everything that is downloaded.
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";

/// The folder with the jars that a pom names, and those that they need; fetched once.
pub(super) fn jars(name: &str, version: &str, pom: &str) -> Result<PathBuf> {
    let at = folder::cache()?.join(format!("{name}-{version}"));
    let failed = |what: &str, e: std::io::Error| format!("{what} {}: {e}", at.display());
    std::fs::create_dir_all(&at).map_err(|e| failed("cannot make", e))?;
    let _lock = folder::lock(&at.join(".lock"))?;
    if at.join(".complete").exists() {
        return Ok(at);
    }
    eprintln!("fetching {name} {version} into {}", at.display());
    let pom_file = at.join("pom.xml");
    std::fs::write(&pom_file, pom).map_err(|e| failed("cannot write the pom into", e))?;
    let mut maven = Command::new("mvn");
    maven.args(["-B", "-q", "-f"]).arg(&pom_file).args([COPY, "-DincludeScope=runtime"]);
    maven.arg(format!("-DoutputDirectory={}", at.display())).stdout(Stdio::null());
    let status = maven.status().map_err(|e| format!("mvn is needed to fetch {name}, and cannot be run: {e}"))?;
    if !status.success() {
        return Err(format!("mvn could not fetch {name} {version}: {status}; is Maven Central in reach?"));
    }
    std::fs::write(at.join(".complete"), version).map_err(|e| failed("cannot write into", e))?;
    Ok(at)
}
