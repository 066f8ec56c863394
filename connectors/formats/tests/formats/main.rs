//! What the formats promise.
mod combined_log;
mod csv;
mod plain;
