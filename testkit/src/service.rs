//! Real services for tests: the address, or a loud skip.
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

/// The address of a real service that a test needs, or none where it is not up: then the test returns at once, having
/// said so. In continuous integration (`CI=true`) a missing service is a failure.
///
/// It is what `MILLSTREAM_KAFKA` says (the name in capitals), or what `cargo xtask services up kafka` has started.
///
/// ```
/// # if std::env::var("CI").as_deref() != Ok("true") {
/// let Some(brokers) = millstream_testkit::service("kafka") else { return };
/// assert!(brokers.contains(':'));
/// # }
/// ```
///
/// # Panics
/// With `CI=true`, where it is not there.
pub fn service(name: &str) -> Option<String> {
    let found = address(name).filter(|address| is_reached(address));
    if found.is_none() {
        let what = format!("{name} is not up: run `cargo xtask services up {name}`");
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{what}");
        eprintln!("!!! SKIPPED: {what}");
    }
    found
}

fn address(name: &str) -> Option<String> {
    let variable = format!("MILLSTREAM_{}", name.to_uppercase().replace('-', "_"));
    let file = service_folder(name).map(|folder| folder.join("address"));
    let read = || Some(std::fs::read_to_string(file?).ok()?.trim().to_owned());
    std::env::var(variable).ok().or_else(read)
}

/// `target/services/NAME`, seen from a test's program in `target/release/deps`.
pub fn service_folder(name: &str) -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    program.ancestors().map(|at| at.join("services").join(name)).find(|folder| folder.exists())
}

/// Whether one of its nodes takes connections.
fn is_reached(addresses: &str) -> bool {
    let connects = |address: &str| {
        let socket = address.trim_start_matches("http://").parse();
        socket.is_ok_and(|socket| TcpStream::connect_timeout(&socket, Duration::from_secs(2)).is_ok())
    };
    addresses.split(',').any(connects)
}
