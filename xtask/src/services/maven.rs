//! Jars and archives by their Maven coordinates.

use super::{Result, folder};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The plugin's version is pinned, as everything that is downloaded.
const PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1";

/// The folder with the jars that a pom names, and those that they need; fetched once.
pub(super) fn jars(name: &str, version: &str, pom: &str) -> Result<PathBuf> {
    once(name, version, |at| {
        let pom_file = at.join("pom.xml");
        std::fs::write(&pom_file, pom).map_err(|e| failed("cannot write the pom into", at, e))?;
        let mut maven = Command::new("mvn");
        maven.args(["-B", "-q", "-f"]).arg(&pom_file).arg(format!("{PLUGIN}:copy-dependencies"));
        maven.arg("-DincludeScope=runtime").arg(format!("-DoutputDirectory={}", at.display()));
        run(&mut maven, name)
    })
}

/// The folder with what an artifact's `tar.gz` of class `all` holds; fetched once.
pub(super) fn archive(name: &str, artifact: &str, version: &str) -> Result<PathBuf> {
    once(name, version, |at| {
        let mut maven = Command::new("mvn");
        maven
            .args(["-B", "-q"])
            .arg(format!("{PLUGIN}:copy"))
            .arg(format!("-Dartifact={artifact}:{version}:tar.gz:all"));
        maven.arg("-Dmdep.stripVersion=true").arg(format!("-DoutputDirectory={}", at.display()));
        run(&mut maven, name)?;
        let base = artifact.rsplit(':').next().unwrap_or(artifact);
        let packed = at.join(format!("{base}-all.tar.gz"));
        run(Command::new("tar").arg("-C").arg(at).arg("-xzf").arg(&packed), name)?;
        std::fs::remove_file(&packed).map_err(|e| failed("cannot tidy up", at, e))
    })
}

/// A folder in the cache that `fill` has filled.
fn once(name: &str, version: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let at = folder::cache()?.join(format!("{name}-{version}"));
    std::fs::create_dir_all(&at).map_err(|e| failed("cannot make", &at, e))?;
    let _lock = folder::lock(&at.join(".lock"))?;
    if !at.join(".complete").exists() {
        eprintln!("fetching {name} {version} into {}", at.display());
        fill(&at)?;
        std::fs::write(at.join(".complete"), version).map_err(|e| failed("cannot write into", &at, e))?;
    }
    Ok(at)
}

fn run(command: &mut Command, name: &str) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.stdout(Stdio::null()).status();
    let status = status.map_err(|e| format!("{program} is needed to fetch {name}, and cannot be run: {e}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{program} could not fetch {name}: {status}; is Maven Central in reach?")),
    }
}

fn failed(what: &str, at: &Path, e: std::io::Error) -> String {
    format!("{what} {}: {e}", at.display())
}
