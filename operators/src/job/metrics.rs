//! What a run tells a monitor: the pages of its endpoint, and the numbers in Prometheus' text format.
use super::serve::{Page, Served, Server};
use hyper::StatusCode;
use millstream_runtime::run::{Held, Progress, Status};
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;

/// Serves `/metrics`, `/live` and `/ready` until the handle is dropped.
///
/// # Errors
/// Where the address cannot be had.
pub(crate) fn serve(at: SocketAddr, job: &'static str, status: Arc<Status>) -> Result<Served, String> {
    let served = Server { page: Arc::new(move |path| page(path, job, &status)) }.start(at)?;
    tracing::info!("metrics are at http://{}/metrics", served.address);
    Ok(served)
}

fn page(path: &str, job: &str, status: &Status) -> Page {
    match path {
        "/metrics" => {
            let text = text(job, &status.progress(), resident_bytes()) + &held_text(job, &status.held());
            (StatusCode::OK, text)
        }
        "/live" => (StatusCode::OK, "live\n".into()),
        "/ready" if status.is_stopping() => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n".into()),
        "/ready" if status.progress().attempts == 0 => (StatusCode::SERVICE_UNAVAILABLE, "starting\n".into()),
        "/ready" => (StatusCode::OK, "ready\n".into()),
        _ => (StatusCode::NOT_FOUND, "there are /metrics, /live and /ready\n".into()),
    }
}

fn text(job: &str, now: &Progress, resident: Option<u64>) -> String {
    let mark = now.watermark.filter(|mark| *mark < i64::MAX);
    let rows: [(&str, &str, &str, Option<i128>); 8] = [
        ("millstream_records_read_total", "counter", "Records read by all sources.", Some(now.read.into())),
        ("millstream_watermark_milliseconds", "gauge", "The least watermark, since the epoch.", mark.map(Into::into)),
        ("millstream_checkpoint_number", "gauge", "The newest durable checkpoint.", Some(now.checkpoint.into())),
        ("millstream_checkpoints_total", "counter", "Checkpoints made.", Some(now.checkpoints.into())),
        (
            "millstream_checkpoint_duration_milliseconds",
            "gauge",
            "How long the newest checkpoint took from its last part to its manifest.",
            Some(now.checkpoint_ms.into()),
        ),
        (
            "millstream_checkpoint_bytes",
            "gauge",
            "What the newest checkpoint wrote.",
            Some(now.checkpoint_bytes.into()),
        ),
        ("millstream_attempts_total", "counter", "Attempts to run the job.", Some(now.attempts.into())),
        ("process_resident_memory_bytes", "gauge", "The process's memory.", resident.map(Into::into)),
    ];
    let label = escaped(job);
    rows.iter().fold(String::new(), |mut text, (name, kind, help, value)| {
        if let Some(value) = value {
            let row = format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{name}{{job=\"{label}\"}} {value}");
            let _ = writeln!(text, "{row}"); // a String takes everything
        }
        text
    })
}

/// How long something has been held up, and by whom; nothing where all moves.
fn held_text(job: &str, held: &[Held]) -> String {
    const NAME: &str = "millstream_held_milliseconds";
    let mut text = String::new();
    if !held.is_empty() {
        let _ = writeln!(text, "# HELP {NAME} How long something has been held up.\n# TYPE {NAME} gauge"); // takes all
    }
    for Held { what, by, ms, .. } in held {
        let _ = writeln!(text, "{NAME}{{job=\"{}\",what=\"{what}\",by=\"{}\"}} {ms}", escaped(job), escaped(by));
    }
    text
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The memory of this process, where the system says it in Linux' way.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write as _};
    use std::net::{Ipv4Addr, TcpStream};

    fn get(at: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(at).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn the_endpoint_answers_until_the_run_ends() {
        let status: Arc<Status> = Arc::default();
        let served = serve((Ipv4Addr::LOCALHOST, 0).into(), "a \"job\"", Arc::clone(&status)).unwrap();
        let at = served.address;
        let metrics = get(at, "/metrics");
        assert!(metrics.starts_with("HTTP/1.1 200"), "{metrics}");
        assert!(metrics.contains("\nmillstream_records_read_total{job=\"a \\\"job\\\"\"} 0\n"), "{metrics}");
        assert!(!metrics.contains("millstream_watermark"), "there is none: {metrics}");
        assert!(get(at, "/live").starts_with("HTTP/1.1 200"));
        assert!(get(at, "/ready").starts_with("HTTP/1.1 503"));
        assert!(get(at, "/").starts_with("HTTP/1.1 404"));
        assert!(serve(at, "other", status).err().unwrap().contains(&at.to_string()), "the address is taken");
        drop(served);
        assert!(TcpStream::connect(at).is_err(), "it ends with the run");
    }

    #[test]
    fn connections_are_bounded() {
        let served = serve((Ipv4Addr::LOCALHOST, 0).into(), "job", Arc::default()).unwrap();
        let silent: Vec<_> = (0..16).map(|_| TcpStream::connect(served.address).unwrap()).collect();
        let mut last = TcpStream::connect(served.address).unwrap();
        last.write_all(b"GET /live HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
        last.set_read_timeout(Some(std::time::Duration::from_millis(200))).unwrap();
        assert!(last.read(&mut [0; 1]).is_err(), "it waits for a place");
        drop(silent);
        last.set_read_timeout(None).unwrap();
        assert_eq!(last.read(&mut [0; 1]).unwrap(), 1);
    }
}
