//! `#[derive(KeyedState)]`.
use crate::options::{refuse, ttl};
use crate::paths::Paths;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Field, Fields};

pub(crate) fn expand(input: &DeriveInput, paths: &Paths) -> syn::Result<TokenStream> {
    refuse(&input.attrs, "on a type that derives `KeyedState`: nothing; `ttl = \"7d\"` goes on a field")?;
    let runtime = &paths.runtime;
    let fields = named_fields(input)?;
    let opened = fields.iter().map(|field| open(field, runtime)).collect::<syn::Result<Vec<_>>>()?;
    let columns = fields.iter().map(|field| column(field, runtime));
    let (ident, (params, arguments, bounds)) = (&input.ident, input.generics.split_for_impl());
    Ok(quote! {
        #[automatically_derived]
        impl #params #runtime::state::KeyedState for #ident #arguments #bounds {
            fn open(space: &mut #runtime::state::StateSpace) -> Self {
                Self { #(#opened),* }
            }

            fn columns(&mut self) -> ::std::vec::Vec<&mut dyn #runtime::state::Column> {
                ::std::vec![#(#columns),*]
            }
        }
    })
}

fn named_fields(input: &DeriveInput) -> syn::Result<Vec<&Field>> {
    match &input.data {
        Data::Struct(data) if matches!(data.fields, Fields::Named(_)) => Ok(data.fields.iter().collect()),
        _ => Err(syn::Error::new(
            input.ident.span(),
            "keyed state is a struct with named fields: the names find the state again after a restore",
        )),
    }
}

fn open(field: &Field, runtime: &TokenStream) -> syn::Result<TokenStream> {
    let ttl = match ttl(&field.attrs)? {
        Some(millis) => quote!(::core::option::Option::Some(::core::time::Duration::from_millis(#millis))),
        None => quote!(::core::option::Option::None),
    };
    let (name, ty) = (&field.ident, &field.ty);
    let text = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
    Ok(quote_spanned!(ty.span()=> #name: <#ty as #runtime::state::Handle>::open(space, #text, #ttl)))
}

fn column(field: &Field, runtime: &TokenStream) -> TokenStream {
    let (name, ty) = (&field.ident, &field.ty);
    quote_spanned!(ty.span()=> <#ty as #runtime::state::Handle>::column(&mut self.#name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, String> {
        let input = syn::parse_str(text).unwrap();
        expand(&input, &Paths::of("millstream-operators")).map(|tokens| tokens.to_string()).map_err(|e| e.to_string())
    }

    #[test]
    fn fields_are_opened_by_name_with_their_ttl() {
        let says = expanded("struct Card { small: Value<u64>, #[state(ttl = \"7d\")] recent: List<u8> }").unwrap();
        assert!(says.contains(":: millstream_runtime :: state :: Handle > :: open (space , \"small\""), "{says}");
        assert!(says.contains("\"recent\" , :: core :: option :: Option :: Some"), "{says}");
        assert!(says.contains("from_millis (604800000u64)"), "{says}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let refused = |text: &str| expanded(text).unwrap_err();
        let of_ttl = |ttl| refused(&format!("struct A {{ #[state(ttl = \"{ttl}\")] a: Value<u8> }}"));
        assert_eq!(of_ttl("week"), "`week` is no time to live: write 500ms, 30s, 5m, 1h or 7d");
        assert_eq!(of_ttl("7w"), "`7w` is no time to live: write 500ms, 30s, 5m, 1h or 7d");
        assert_eq!(of_ttl("0s"), "`0s`: a time to live is at least 1ms");
        assert_eq!(of_ttl("999999999999d"), "`999999999999d` is too long a time to live");
        assert_eq!(
            refused("struct A { #[state(tll = \"7d\")] a: Value<u8> }"),
            "`tll` is not known here; allowed on a field of a type that derives `KeyedState`: `ttl = \"7d\"`"
        );
        assert!(refused("struct A(Value<u8>);").contains("named fields"));
    }
}
