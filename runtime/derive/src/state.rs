//! `#[derive(State)]`.
use crate::definition;
use crate::options::{OfType, is_opaque, refuse};
use crate::paths::Paths;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, GenericParam, Type, parse_quote};

pub(crate) fn expand(input: &DeriveInput, paths: &Paths) -> syn::Result<TokenStream> {
    if let Data::Union(_) = input.data {
        return Err(syn::Error::new(input.ident.span(), "a union cannot be kept in a checkpoint; write an enum"));
    }
    refuse_on_variants(&input.data)?;
    let runtime = &paths.runtime;
    let options = OfType::read(&input.attrs)?;
    let (name, text) = (input.ident.to_string(), definition::of(&input.attrs, &input.data));
    let (version, parts) = (options.version, parts(input, runtime)?);
    let migration = options.from.map(|old| migration(&old, runtime));
    let mut generics = input.generics.clone();
    for parameter in &mut generics.params {
        if let GenericParam::Type(parameter) = parameter {
            parameter.bounds.push(parse_quote!(#runtime::data::State));
        }
    }
    let (ident, (params, arguments, bounds)) = (&input.ident, generics.split_for_impl());
    Ok(quote! {
        #[automatically_derived]
        impl #params #runtime::data::State for #ident #arguments #bounds {
            const SCHEMA: #runtime::data::Schema = #runtime::data::Schema::new(#name, #version, #text) #(#parts)*;
            #migration
        }
    })
}

fn refuse_on_variants(data: &Data) -> syn::Result<()> {
    let Data::Enum(data) = data else { return Ok(()) };
    data.variants.iter().try_for_each(|variant| refuse(&variant.attrs, "on a variant: nothing"))
}

/// The schemas of the fields, each at the place of its type, so that an error points there.
fn parts(input: &DeriveInput, runtime: &TokenStream) -> syn::Result<Vec<TokenStream>> {
    let mut parts = Vec::new();
    for field in definition::fields(&input.data) {
        if !is_opaque(&field.attrs)? {
            let ty = &field.ty;
            parts.push(quote_spanned!(ty.span()=> .with(<#ty as #runtime::data::State>::SCHEMA)));
        }
    }
    Ok(parts)
}

fn migration(old: &Type, runtime: &TokenStream) -> TokenStream {
    quote_spanned! {old.span()=>
        fn migrate(
            stored: &#runtime::data::StoredSchema,
            bytes: &[u8],
        ) -> ::core::option::Option<::core::result::Result<Self, ::std::string::String>> {
            let old = #runtime::state::read_as::<#old>(stored, bytes)?;
            ::core::option::Option::Some(old.map(<Self as ::core::convert::From<#old>>::from))
        }

        fn migrates_from(stored: &#runtime::data::StoredSchema) -> bool {
            stored.is_readable_as::<#old>()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, String> {
        let input = syn::parse_str(text).unwrap();
        expand(&input, &Paths::of("shop")).map(|tokens| tokens.to_string()).map_err(|e| e.to_string())
    }

    #[test]
    fn a_definition_is_text_without_names_paths_and_layout() {
        let definition = |text| {
            definition::of(&syn::parse_str::<DeriveInput>(text).unwrap().attrs, &{
                syn::parse_str::<DeriveInput>(text).unwrap().data
            })
        };
        assert_eq!(
            definition("pub struct A { /** Doc. */ pub id: u64, cents: std::vec::Vec<crate::m::Cents> }"),
            "{id:u64,cents:Vec<Cents>}"
        );
        assert_eq!(definition("struct B(u64, ::core::option::Option<(f64, u8)>);"), "(u64,Option<(f64,u8)>)");
        assert_eq!(definition("enum C { A, B(u64), D { x: [u8; 4] } }"), "{A,B(u64),D{x:[u8;4]}}");
        assert_eq!(definition("struct E { #[serde(skip)] a: dyn Fn }"), "{#[serde(skip)]a:dyn Fn}");
        assert_eq!(definition("struct F;"), "");
    }

    #[test]
    fn parts_are_folded_in_order_and_opaque_ones_are_not() {
        let says =
            expanded("enum T<A> { One(A), #[allow(x)] Two { a: u8, #[state(opaque)] next: Box<T<A>> } }").unwrap();
        assert!(says.contains("impl < A : :: millstream :: runtime :: data :: State >"), "{says}");
        let (first, second) = (says.find("with (< A as").unwrap(), says.find("with (< u8 as").unwrap());
        assert!(first < second && says.matches(". with").count() == 2, "{says}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let refused = |text| expanded(text).unwrap_err();
        assert_eq!(
            refused("#[state(versoin = 2)] struct A;"),
            "`versoin` is not known here; allowed on a type that derives `State`: `version = 2`, `from = OldType`"
        );
        assert_eq!(refused("#[state(version = 0)] struct A;"), "versions count from 1; without `version` it is 1");
        assert_eq!(
            refused("struct A { #[state(ttl = \"7d\")] a: u8 }"),
            "`ttl` is not known here; allowed on a field of a type that derives `State`: `opaque`"
        );
        assert!(refused("enum A { #[state(opaque)] B }").contains("on a variant: nothing"));
        assert!(refused("union A { a: u8 }").contains("write an enum"));
    }
}
