//! The program as a user meets it: files, exit codes, messages.
#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]
mod exact;
mod examples;
mod formats;
mod http;
mod mistakes;
mod outside;
mod running;
mod schemas;
mod secrets;
mod state;
mod world;
