//! CPU seconds of clients and of the broker, as Linux counts them.

/// Clock ticks of a second, on every Linux.
const TICKS: f64 = 100.0;

/// Of this process, and of those that it has started and that have ended.
pub fn clients() -> f64 {
    of("self", 4)
}

/// Of the broker that `cargo xtask services up kafka` has started; 0 where it is another one.
pub fn broker() -> f64 {
    let pid = millstream::testkit::service_folder("kafka").map(|folder| folder.join("broker-1/pid"));
    pid.and_then(|file| std::fs::read_to_string(file).ok()).map_or(0.0, |pid| of(pid.trim(), 2))
}

/// The first so many of: its own as a user and in the kernel, the same of its children.
fn of(process: &str, times: usize) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let behind_name = text.rsplit(") ").next().unwrap_or_default();
    behind_name.split(' ').skip(11).take(times).filter_map(|n| n.parse::<f64>().ok()).sum::<f64>() / TICKS
}
