//! A schema registry that speaks Confluent's API, below `/apis/ccompat/v7`: Apicurio, which keeps everything in memory and
//! needs no Kafka. Confluent's own is in no registry of packages.

use super::folder::Folder;
use super::process::Process;
use super::{Options, Result, Service, maven};
use std::process::Command;
use std::time::Duration;

const VERSION: &str = "2.6.13.Final";
const ARTIFACT: &str = "io.apicurio:apicurio-registry-app";

/// It is ready in four seconds, on a machine with nothing else to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// See the module.
pub(super) struct Registry;

impl Service for Registry {
    fn name(&self) -> &'static str {
        "registry"
    }

    fn up(&self, folder: &Folder, _: &Options) -> Result<String> {
        let (port, process) = (folder.port(&[0])?, process(folder));
        if !process.is_alive() {
            let program = maven::archive("apicurio", ARTIFACT, VERSION)?;
            let temporary = folder.path().join("tmp");
            std::fs::create_dir_all(&temporary).map_err(|e| format!("cannot make {}: {e}", temporary.display()))?;
            let mut java = Command::new("java");
            java.args(["-Xmx256m", "-Dquarkus.http.host=127.0.0.1"]).arg(format!("-Dquarkus.http.port={port}"));
            java.arg(format!("-Djava.io.tmpdir={}", temporary.display()));
            java.arg("-jar").arg(program.join(format!("apicurio-registry-app-{VERSION}-runner.jar")));
            let from = process.start(&mut java)?;
            process.wait_for("Listening on", from, PATIENCE)?;
        }
        Ok(format!("http://127.0.0.1:{port}"))
    }

    fn processes(&self, folder: &Folder) -> Vec<Process> {
        vec![process(folder)]
    }
}

fn process(folder: &Folder) -> Process {
    Process { name: "registry".into(), folder: folder.path().to_owned() }
}
