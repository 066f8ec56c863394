//! Programs by their Go module and version.

use super::{Result, folder};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The program `name` of `module` (a package with a `main`) at a pinned version; built once.
pub(super) fn program(name: &str, module: &str, version: &str) -> Result<PathBuf> {
    let at = folder::cache()?.join(format!("{name}-{version}"));
    let failed = |e: std::io::Error| format!("cannot make {}: {e}", at.display());
    std::fs::create_dir_all(&at).map_err(failed)?;
    let _lock = folder::lock(&at.join(".lock"))?;
    let program = at.join(name);
    if program.exists() {
        return Ok(program);
    }
    eprintln!("building {name} {version} into {}, which takes some minutes", at.display());
    let mut go = Command::new("go");
    go.arg("install").arg(format!("{module}@{version}")).env("GOBIN", &at).stdout(Stdio::null());
    let status = go.status().map_err(|e| format!("Go is needed to build {name}, and cannot be run: {e}"))?;
    match status.success() && program.exists() {
        true => Ok(program),
        false => Err(format!("go could not install {module}@{version}: {status}; is the module proxy in reach?")),
    }
}
