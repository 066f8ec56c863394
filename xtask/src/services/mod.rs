//! `cargo xtask services`: real services on loopback for tests, from package registries, without docker.
//!
//! A service is a file with one `impl Service`, named in [`ALL`]; everything of it lies in `target/services/NAME`.

mod folder;
mod golang;
mod kafka;
mod maven;
mod process;
mod registry;
mod s3;

use folder::Folder;
use std::process::ExitCode;

/// What goes wrong, for a person.
type Result<T, E = String> = std::result::Result<T, E>;

/// A service that tests can have.
trait Service {
    /// What it is called on the command line.
    fn name(&self) -> &'static str;
    /// Fetches what it needs, starts what does not run, waits until it is ready. Gives the address for clients.
    fn up(&self, folder: &Folder, options: &Options) -> Result<String>;
    /// The processes that it consists of, by a name for people, whether they run or not.
    fn processes(&self, folder: &Folder) -> Vec<process::Process>;
}

/// Every service, in the order of the alphabet.
const ALL: &[&dyn Service] = &[&kafka::Kafka, &s3::S3::Minio, &registry::Registry, &s3::S3::Versity];

const USAGE: &str =
    "usage: cargo xtask services up|down|status|wipe NAME [--instance WORD] [--nodes 1|3] [--set KEY=VALUE]..
  up      installs and starts it, waits until it is ready, prints its address
  down    stops it; its data stays
  status  says which of its processes run
  wipe    stops it and removes its data
An instance of its own is for tests that kill it.";

/// What stands behind the name on the command line.
struct Options {
    instance: Option<String>,
    nodes: usize,
    settings: Vec<String>,
}

/// Runs `cargo xtask services ARGUMENTS`.
pub fn main(arguments: &[String]) -> ExitCode {
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let [verb, name, rest @ ..] = arguments else { return Err(USAGE.into()) };
    let names = || ALL.iter().map(|s| s.name()).collect::<Vec<_>>().join(", ");
    let service = ALL.iter().find(|s| s.name() == name);
    let service = service.ok_or_else(|| format!("no service {name:?}; there is {}\n{USAGE}", names()))?;
    let options = Options::read(rest)?;
    let folder = Folder::of(service.name(), options.instance.as_deref())?;
    match verb.as_str() {
        "up" => up(*service, &folder, &options),
        "down" => down(*service, &folder),
        "status" => status(*service, &folder),
        "wipe" => down(*service, &folder).and_then(|()| folder.remove()),
        _ => Err(USAGE.into()),
    }
}

fn up(service: &dyn Service, folder: &Folder, options: &Options) -> Result<()> {
    let _lock = folder.lock()?;
    let address = service.up(folder, options)?;
    folder.write("address", &address)?;
    println!("{address}");
    Ok(())
}

fn down(service: &dyn Service, folder: &Folder) -> Result<()> {
    let processes = service.processes(folder);
    processes.iter().try_for_each(process::Process::ask_to_stop)?;
    processes.iter().try_for_each(process::Process::stop)?;
    folder.forget("address")
}

fn status(service: &dyn Service, folder: &Folder) -> Result<()> {
    let processes = service.processes(folder);
    for process in &processes {
        println!("{}", process.describe());
    }
    match processes.is_empty() || processes.iter().any(|p| !p.is_alive()) {
        true => Err(format!("{} is not up", service.name())),
        false => Ok(()),
    }
}

impl Options {
    fn read(mut arguments: &[String]) -> Result<Self> {
        let mut options = Self { instance: None, nodes: 1, settings: vec![] };
        while let [key, value, rest @ ..] = arguments {
            match key.as_str() {
                "--instance" => options.instance = Some(value.clone()),
                "--nodes" => options.nodes = value.parse().map_err(|_| format!("--nodes {value}: no number"))?,
                "--set" => options.settings.push(value.clone()),
                _ => return Err(format!("unknown option {key}\n{USAGE}")),
            }
            arguments = rest;
        }
        if arguments.is_empty() { Ok(options) } else { Err(USAGE.into()) }
    }
}
