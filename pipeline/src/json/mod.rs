//! JSON in pipelines: text to jq's values and back.
mod canonical;
mod read;
mod write;

pub use canonical::canonical;
pub use jaq_json::{Num, Val};
pub use read::read;
pub use write::{to_text, write};

#[cfg(test)]
mod tests;
