//! Values of flags that are more than a number or a text.
use millstream_runtime::run::RestoreFrom;
use millstream_runtime::time::Span;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

/// `latest`, `none`, or a checkpoint's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Restore(pub RestoreFrom);

impl Default for Restore {
    fn default() -> Self {
        Self(RestoreFrom::Latest)
    }
}

impl FromStr for Restore {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("latest", _) => Ok(Self(RestoreFrom::Latest)),
            ("none", _) => Ok(Self(RestoreFrom::Nothing)),
            (_, Ok(n)) => Ok(Self(RestoreFrom::Number(n))),
            (_, Err(_)) => Err("write latest, none, or the number of a checkpoint".into()),
        }
    }
}

impl fmt::Display for Restore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            RestoreFrom::Latest => f.write_str("latest"),
            RestoreFrom::Nothing => f.write_str("none"),
            RestoreFrom::Number(n) => n.fmt(f),
        }
    }
}

/// How often a checkpoint is taken; none for `off`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interval(pub Option<Duration>);

impl FromStr for Interval {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        match text.parse::<Span>()?.0 {
            Duration::ZERO => Err("write at least 1ms, or `off` for no checkpoint before the end".into()),
            length => Ok(Self(Some(length))),
        }
    }
}

/// An amount of memory: `64MiB`, `2GiB`, at least 1 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(pub u64);

impl FromStr for Size {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no size: write 64MiB or 2GiB, at least 1MiB");
        let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)];
        let parsed = units.iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?.trim(), shift)));
        let (number, shift) = parsed.ok_or_else(wrong)?;
        let size = number.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
        size.filter(|size| *size >= 1 << 20).map(Self).ok_or_else(wrong)
    }
}

/// How long a slice is: 1 ms to 10 s.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slice(pub Duration);

impl FromStr for Slice {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let length = text.parse::<Span>()?.0;
        let fine = (Duration::from_millis(1)..=Duration::from_secs(10)).contains(&length);
        if fine { Ok(Self(length)) } else { Err("a slice takes 1ms to 10s".into()) }
    }
}

/// How many checkpoints stay: at least the newest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keep(pub usize);

impl FromStr for Keep {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(n @ 1..) => Ok(Self(n)),
            _ => Err("write a number, at least 1: the newest checkpoint always stays".into()),
        }
    }
}

/// A loopback address and a port.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endpoint(pub SocketAddr);

impl FromStr for Endpoint {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let local = text.strip_prefix("localhost:").unwrap_or(text);
        let address = match local.parse::<u16>() {
            Ok(port) => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            Err(_) => text.parse().map_err(|_| "write 127.0.0.1:9100, [::1]:9100 or a port".to_string())?,
        };
        match address.ip().is_loopback() {
            true => Ok(Self(address)),
            false => Err("the endpoint asks nobody for a password, so it listens on a loopback address only: write \
                 127.0.0.1 and the port, and put a proxy before it"
                .into()),
        }
    }
}
