//! Kafka, against a real broker: `cargo xtask services up kafka`.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod bridge;
mod broker;
mod common;
mod crash;
mod deleted;
mod failover;
mod instance;
mod proxy;
mod sink;
mod source;
mod visible;
