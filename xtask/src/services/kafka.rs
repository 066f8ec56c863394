//! Apache Kafka in KRaft mode: one broker, or three for fail-over.

use super::folder::Folder;
use super::process::Process;
use super::{Options, Result, Service, maven};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// As in the pom.
const VERSION: &str = "4.3.1";
const POM: &str = include_str!("kafka/pom.xml");
const PROPERTIES: &str = include_str!("kafka/server.properties");
const LOGGING: &str = include_str!("kafka/log4j2.properties");

/// What each listener's port is above the base port; broker N adds N - 1.
const INTERNAL: u16 = 20;
const CONTROLLER: u16 = 40;
const PROXIED: u16 = 60;
/// What the proxied listener advertises: a test puts its proxy there.
const PROXY: u16 = 80;

/// A loaded machine may need longer than one would think.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long a broker may be silent before the cluster counts it as gone; see the template. On a starved machine it is silent
/// for seconds.
const SESSION_MS: &str = "9000";

pub(super) struct Kafka;

impl Service for Kafka {
    fn name(&self) -> &'static str {
        "kafka"
    }

    fn up(&self, folder: &Folder, options: &Options) -> Result<String> {
        let nodes = folder.read("nodes").and_then(|n| n.parse().ok()).unwrap_or(options.nodes);
        if ![1, 3].contains(&nodes) {
            return Err(format!("--nodes {nodes}: a cluster has 1 or 3"));
        }
        folder.write("nodes", &nodes.to_string())?;
        let offsets: Vec<u16> = [0, INTERNAL, CONTROLLER, PROXIED, PROXY].iter().flat_map(|o| *o..o + 3).collect();
        let cluster =
            Cluster { folder, nodes, port: folder.port(&offsets)?, jars: maven::jars("kafka", VERSION, POM)? };
        cluster.up(&options.settings)
    }

    fn processes(&self, folder: &Folder) -> Vec<Process> {
        (1..=3).filter(|n| broker_folder(folder, *n).exists()).map(|n| broker(folder, n)).collect()
    }
}

struct Cluster<'a> {
    folder: &'a Folder,
    nodes: usize,
    port: u16,
    jars: PathBuf,
}

impl Cluster<'_> {
    fn up(&self, settings: &[String]) -> Result<String> {
        self.folder.write("log4j2.properties", LOGGING)?;
        let mut started = vec![];
        for n in 1..=self.nodes {
            let broker = broker(self.folder, n);
            if !broker.is_alive() {
                self.configure(n, settings)?;
                started.push((broker.start(&mut self.java(&n_properties(self.folder, n)))?, broker));
            }
        }
        for (from, broker) in started {
            // The port opens when the broker is registered and unfenced; the line comes behind that.
            broker.wait_for("Kafka Server started", from, PATIENCE)?;
        }
        let address = |n: usize| format!("127.0.0.1:{}", self.port_of(0, n));
        Ok((1..=self.nodes).map(address).collect::<Vec<_>>().join(","))
    }

    fn port_of(&self, listener: u16, n: usize) -> usize {
        usize::from(self.port + listener) + n - 1
    }

    /// Writes the broker's properties, and formats its data at first.
    fn configure(&self, n: usize, settings: &[String]) -> Result<()> {
        let at = broker_folder(self.folder, n);
        std::fs::create_dir_all(&at).map_err(|e| format!("cannot make {}: {e}", at.display()))?;
        let voter = |n: usize| format!("{n}@127.0.0.1:{}", self.port_of(CONTROLLER, n));
        let voters = (1..=self.nodes).map(voter).collect::<Vec<_>>().join(",");
        let (replicas, min_isr) = if self.nodes == 3 { ("3", "2") } else { ("1", "1") };
        let mut text = PROPERTIES.to_owned();
        for (name, value) in [
            ("ID", n.to_string()),
            ("VOTERS", voters),
            ("DIR", at.display().to_string()),
            ("PORT", self.port_of(0, n).to_string()),
            ("INTERNAL", self.port_of(INTERNAL, n).to_string()),
            ("CONTROLLER", self.port_of(CONTROLLER, n).to_string()),
            ("PROXIED", self.port_of(PROXIED, n).to_string()),
            ("PROXY", self.port_of(PROXY, n).to_string()),
            ("REPLICAS", replicas.into()),
            ("MIN_ISR", min_isr.into()),
            ("SESSION_MS", SESSION_MS.into()),
        ] {
            text = text.replace(&format!("@{name}@"), &value);
        }
        for setting in settings {
            text += &format!("\n{setting}\n");
        }
        let properties = n_properties(self.folder, n);
        std::fs::write(&properties, text).map_err(|e| format!("cannot write {}: {e}", properties.display()))?;
        if at.join("data/meta.properties").exists() { Ok(()) } else { self.format(&properties) }
    }

    fn format(&self, properties: &Path) -> Result<()> {
        let mut tool = Command::new("java");
        tool.args(["-XX:TieredStopAtLevel=1", "-Dlog4j2.level=WARN", "-cp", &self.class_path()]);
        tool.args(["kafka.tools.StorageTool", "format", "-t", &self.cluster_id()?, "-c"]).arg(properties);
        let done = tool.output().map_err(|e| format!("Java 17 or newer is needed, and cannot be run: {e}"))?;
        if done.status.success() {
            return Ok(());
        }
        let said = [done.stdout, done.stderr].concat();
        Err(format!("the broker's data cannot be formatted: {}", String::from_utf8_lossy(&said)))
    }

    /// 16 bytes in base64, as all nodes have it: from the folder's name and the port, since chance is not needed.
    fn cluster_id(&self) -> Result<String> {
        if let Some(id) = self.folder.read("cluster-id") {
            return Ok(id);
        }
        let id = format!("millstream{:012}", self.port);
        self.folder.write("cluster-id", &id)?;
        Ok(id)
    }

    fn java(&self, properties: &Path) -> Command {
        let mut java = Command::new("java");
        java.args(["-Xms512m", "-Xmx512m", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:+ExitOnOutOfMemoryError"]);
        java.args(["-Djava.awt.headless=true", "-cp", &self.class_path()]);
        java.arg(format!("-Dlog4j2.configurationFile={}", self.folder.path().join("log4j2.properties").display()));
        java.arg("kafka.Kafka").arg(properties);
        java
    }

    fn class_path(&self) -> String {
        format!("{}/*", self.jars.display())
    }
}

fn broker_folder(folder: &Folder, n: usize) -> PathBuf {
    folder.path().join(format!("broker-{n}"))
}

fn n_properties(folder: &Folder, n: usize) -> PathBuf {
    broker_folder(folder, n).join("server.properties")
}

fn broker(folder: &Folder, n: usize) -> Process {
    Process { name: format!("broker {n}"), folder: broker_folder(folder, n) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pom_has_the_version_that_names_the_folder() {
        assert!(POM.contains(&format!("<kafka.version>{VERSION}</kafka.version>")));
    }

    #[test]
    fn every_place_of_the_template_is_filled() {
        let known = [
            "ID",
            "VOTERS",
            "DIR",
            "PORT",
            "INTERNAL",
            "CONTROLLER",
            "PROXIED",
            "PROXY",
            "REPLICAS",
            "MIN_ISR",
            "SESSION_MS",
        ];
        let mut rest = PROPERTIES.to_owned();
        known.iter().for_each(|name| rest = rest.replace(&format!("@{name}@"), ""));
        let settings: Vec<&str> = rest.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(settings.iter().all(|line| !line.contains('@')), "{settings:?}");
    }
}
