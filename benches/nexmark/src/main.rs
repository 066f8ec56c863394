//! Nexmark on Millstream: `cargo run --release --bin nexmark -- --query all`. See docs/nexmark.md.
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    nexmark_queries::options::main()
}
