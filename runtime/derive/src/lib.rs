//! The derives `State` and `KeyedState`.
mod definition;
mod keyed_state;
mod options;
mod paths;
mod state;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// A record, key or value that is kept in checkpoints: its schema is its definition, with the schemas of its fields.
///
/// - `#[state(version = 2, from = OldType)]` on the type: values that `OldType` wrote (or that it migrates itself) are
///   read, then converted by `From<OldType>`.
/// - `#[state(opaque)]` on a field: only the text of its type counts, not its schema. For recursive types, and for
///   types of other crates.
#[proc_macro_derive(State, attributes(state))]
pub fn derive_state(input: TokenStream) -> TokenStream {
    expand(parse_macro_input!(input as DeriveInput), state::expand)
}

/// A struct of `Value`, `List` and `Map` fields: the state of one operator for one key.
/// `#[state(ttl = "7d")]` on a field forgets what was not written for so long, in processing time.
#[proc_macro_derive(KeyedState, attributes(state))]
pub fn derive_keyed_state(input: TokenStream) -> TokenStream {
    expand(parse_macro_input!(input as DeriveInput), keyed_state::expand)
}

fn expand(
    input: DeriveInput,
    by: fn(&DeriveInput, &paths::Paths) -> syn::Result<proc_macro2::TokenStream>,
) -> TokenStream {
    by(&input, &paths::Paths::of_this_package()).unwrap_or_else(|e| e.into_compile_error()).into()
}
