//! How the crate that uses a derive reaches the runtime.
use proc_macro2::TokenStream;
use quote::quote;

/// The path of `millstream_runtime`.
pub(crate) struct Paths {
    pub(crate) runtime: TokenStream,
}

impl Paths {
    /// The packages of the workspace depend on the runtime; all others on the facade, which has it as `runtime`.
    pub(crate) fn of_this_package() -> Self {
        Self::of(&std::env::var("CARGO_PKG_NAME").unwrap_or_default())
    }

    pub(crate) fn of(package: &str) -> Self {
        let inside = package.starts_with("millstream-");
        Self { runtime: if inside { quote!(::millstream_runtime) } else { quote!(::millstream::runtime) } }
    }
}
