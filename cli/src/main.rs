//! The program `millstream`: runs pipelines that TOML files describe. It knows no connector but as a line below.
use millstream_pipeline::Registry;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1).peekable();
    if words.peek().is_some_and(|word| word == "checkpoints") {
        return millstream_operators::checkpoints::main(words);
    }
    let mut registry = Registry::default();
    millstream_file::pipeline::register(&mut registry);
    millstream_generator::pipeline::register(&mut registry);
    millstream_http::pipeline::register(&mut registry);
    #[cfg(feature = "kafka")]
    millstream_kafka::pipeline::register(&mut registry);
    millstream_pipeline::main(&registry)
}
