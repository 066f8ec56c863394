//! A job's own arguments.
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A job's own arguments: `#[derive(clap::Args, Serialize, Deserialize)]`, every field a flag with a long name. They
/// are flags of the command line and keys of the file given by `--config`, and are noted in each checkpoint.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a job's arguments",
    label = "derive `clap::Args, Serialize, Deserialize` on it"
)]
pub trait Args: clap::Args + Serialize + DeserializeOwned + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<A: clap::Args + Serialize + DeserializeOwned + Send + Sync + 'static> Args for A {}

/// The arguments of a job that has none of its own.
#[derive(clap::Args, Serialize, Deserialize)]
pub(crate) struct NoArgs {}
