//! `cargo bench --bench kafka`: from topic to topic on a real broker, beside plain loops over librdkafka as yardsticks.
mod cpu;
pub mod latency;
mod ours;
pub mod plain;
pub mod rounds;
pub mod topics;

/// The bytes of a record's value.
const RECORD: usize = 200;
