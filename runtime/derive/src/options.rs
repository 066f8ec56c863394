//! What stands in `#[state(..)]`.
use syn::meta::ParseNestedMeta;
use syn::{Attribute, LitInt, LitStr, Type};

/// On a type that derives `State`.
pub(crate) struct OfType {
    pub(crate) version: u32,
    pub(crate) from: Option<Type>,
}

impl OfType {
    pub(crate) fn read(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut options = Self { version: 1, from: None };
        each(attributes, |meta| {
            if meta.path.is_ident("version") {
                options.version = version(&meta)?;
            } else if meta.path.is_ident("from") {
                options.from = Some(meta.value()?.parse()?);
            } else {
                return Err(unknown(&meta, "on a type that derives `State`: `version = 2`, `from = OldType`"));
            }
            Ok(())
        })?;
        Ok(options)
    }
}

fn version(meta: &ParseNestedMeta<'_>) -> syn::Result<u32> {
    let number: LitInt = meta.value()?.parse()?;
    match number.base10_parse() {
        Ok(0) => Err(syn::Error::new(number.span(), "versions count from 1; without `version` it is 1")),
        parsed => parsed,
    }
}

/// Whether a field of a type that derives `State` is opaque.
pub(crate) fn is_opaque(attributes: &[Attribute]) -> syn::Result<bool> {
    let mut opaque = false;
    each(attributes, |meta| {
        opaque = meta.path.is_ident("opaque");
        if opaque { Ok(()) } else { Err(unknown(&meta, "on a field of a type that derives `State`: `opaque`")) }
    })?;
    Ok(opaque)
}

/// The TTL of a field of a keyed state, in milliseconds.
pub(crate) fn ttl(attributes: &[Attribute]) -> syn::Result<Option<u64>> {
    let mut ttl = None;
    each(attributes, |meta| {
        if !meta.path.is_ident("ttl") {
            return Err(unknown(&meta, "on a field of a type that derives `KeyedState`: `ttl = \"7d\"`"));
        }
        let text: LitStr = meta.value()?.parse()?;
        ttl = Some(millis(&text.value()).map_err(|what| syn::Error::new(text.span(), what))?);
        Ok(())
    })?;
    Ok(ttl)
}

/// No option is known here.
pub(crate) fn refuse(attributes: &[Attribute], place: &str) -> syn::Result<()> {
    each(attributes, |meta| Err(unknown(&meta, place)))
}

fn each(attributes: &[Attribute], mut read: impl FnMut(ParseNestedMeta<'_>) -> syn::Result<()>) -> syn::Result<()> {
    let of_ours = attributes.iter().filter(|attribute| attribute.path().is_ident("state"));
    of_ours.into_iter().try_for_each(|attribute| attribute.parse_nested_meta(&mut read))
}

fn unknown(meta: &ParseNestedMeta<'_>, allowed: &str) -> syn::Error {
    let path = &meta.path;
    let name = quote::quote!(#path).to_string();
    meta.error(format!("`{name}` is not known here; allowed {allowed}"))
}

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

fn millis(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no time to live: write 500ms, 30s, 5m, 1h or 7d");
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let (_, length) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    match number.checked_mul(*length).filter(|millis| i64::try_from(*millis).is_ok()) {
        Some(0) => Err(format!("`{text}`: a time to live is at least 1ms")),
        Some(millis) => Ok(millis),
        None => Err(format!("`{text}` is too long a time to live")),
    }
}
