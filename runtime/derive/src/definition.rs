//! A type's definition as text, so that the same definition gives the same text however it is laid out or named.
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Data, Field, Fields};

/// The body without the type's name: `{id:u64,cents:i64}`, `(u64,f64)`, `{A,B(u64)}`. Documentation, visibility and
/// the paths in front of types do not count; serde's attributes do, as they change the encoding.
pub(crate) fn of(attributes: &[Attribute], data: &Data) -> String {
    let mut text = serde_attributes(attributes);
    match data {
        Data::Struct(data) => text += &of_fields(&data.fields),
        Data::Enum(data) => {
            let variants = data.variants.iter().map(|variant| {
                format!("{}{}{}", serde_attributes(&variant.attrs), variant.ident, of_fields(&variant.fields))
            });
            text += &format!("{{{}}}", variants.collect::<Vec<_>>().join(","));
        }
        Data::Union(_) => {}
    }
    text
}

/// All fields, of all variants, in order.
pub(crate) fn fields(data: &Data) -> Vec<&Field> {
    match data {
        Data::Struct(data) => data.fields.iter().collect(),
        Data::Enum(data) => data.variants.iter().flat_map(|variant| &variant.fields).collect(),
        Data::Union(_) => Vec::new(),
    }
}

fn of_fields(fields: &Fields) -> String {
    let texts: Vec<_> = fields.iter().map(of_field).collect();
    match fields {
        Fields::Named(_) => format!("{{{}}}", texts.join(",")),
        Fields::Unnamed(_) => format!("({})", texts.join(",")),
        Fields::Unit => String::new(),
    }
}

fn of_field(field: &Field) -> String {
    let name = field.ident.as_ref().map(|name| format!("{name}:")).unwrap_or_default();
    format!("{}{name}{}", serde_attributes(&field.attrs), normalized(field.ty.to_token_stream()))
}

fn serde_attributes(attributes: &[Attribute]) -> String {
    let of_serde = attributes.iter().filter(|attribute| attribute.path().is_ident("serde"));
    of_serde.map(|attribute| normalized(attribute.to_token_stream())).collect()
}

/// Tokens without spaces, but for one between words, and without the paths in front of names.
fn normalized(tokens: TokenStream) -> String {
    let mut text = String::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        if let TokenTree::Group(group) = &token {
            let (open, close) = delimiters(group.delimiter());
            text += &format!("{open}{}{close}", normalized(group.stream()));
            continue;
        }
        let word = token.to_string();
        // `a::` of `a::B`, or the `::` in front of `::a::B`.
        if word == ":" && tokens.peek().is_some_and(|next| next.to_string() == ":") {
            tokens.next();
            let qualifies = text.rfind(|c: char| !is_word(c)).map_or(0, |at| at + 1);
            text.truncate(qualifies);
            continue;
        }
        if text.ends_with(is_word) && word.starts_with(is_word) {
            text.push(' ');
        }
        text += &word;
    }
    text
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn delimiters(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}
