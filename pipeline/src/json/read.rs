//! JSON text to a jq value: strict, of bounded depth, numbers as they are written.
use hifijson::num::LexWrite as _;
use hifijson::str::LexAlloc as _;
use hifijson::token::{Expect, Lex};
use hifijson::{Error, SliceLexer};
use jaq_json::{Map, Num, Val};
use std::sync::Arc;

/// The deepest nesting that is read: a stack is bounded, and bytes from outside are not.
const DEEPEST: usize = 128;

/// Reads one JSON value that fills `text`. Integers of any size stay whole, and decimals keep their digits until
/// something is computed of them.
///
/// # Errors
/// Says what is wrong, and at which byte, counted from 0.
pub fn read(text: &[u8]) -> Result<Val, String> {
    let mut lexer = SliceLexer::new(text);
    let value = lexer.exactly_one(Lex::ws_peek, |next, lexer| value(DEEPEST, next, lexer));
    value.map_err(|e| format!("no JSON: {e} at byte {}", text.len() - lexer.as_slice().len()))
}

fn value(depth: usize, next: u8, lexer: &mut SliceLexer<'_>) -> Result<Val, Error> {
    match next {
        b'"' => Ok(text(lexer.discarded())?.into()),
        b'0'..=b'9' | b'-' => number(lexer),
        b'a'..=b'z' => Ok(lexer.null_or_bool().ok_or(Expect::Value)?.map_or(Val::Null, Val::Bool)),
        b'[' => array(depth.checked_sub(1).ok_or(Error::Depth)?, lexer),
        b'{' => object(depth.checked_sub(1).ok_or(Error::Depth)?, lexer),
        _ => Err(Expect::Value)?,
    }
}

fn text(lexer: &mut SliceLexer<'_>) -> Result<String, Error> {
    Ok(lexer.str_string().map_err(Error::Str)?.into_owned())
}

fn number(lexer: &mut SliceLexer<'_>) -> Result<Val, Error> {
    let (digits, parts) = lexer.num_string().validated()?;
    let whole = || Num::from_str_radix(digits, 10).filter(|_| parts.is_int());
    Ok(Val::Num(whole().unwrap_or_else(|| Num::Dec(Arc::new(digits.into())))))
}

fn array(depth: usize, lexer: &mut SliceLexer<'_>) -> Result<Val, Error> {
    let mut items = vec![];
    lexer.discarded().seq(b']', Lex::ws_peek, |next, lexer| {
        items.push(value(depth, next, lexer)?);
        Ok::<_, Error>(())
    })?;
    Ok(Val::Arr(Arc::new(items)))
}

fn object(depth: usize, lexer: &mut SliceLexer<'_>) -> Result<Val, Error> {
    let mut fields: Map<Val, Val> = Map::default();
    lexer.discarded().seq(b'}', Lex::ws_peek, |next, lexer| {
        lexer.expect(|_| Some(next), b'"').ok_or(Expect::String)?;
        let key = text(lexer)?;
        lexer.expect(Lex::ws_peek, b':').ok_or(Expect::Colon)?;
        let next = lexer.ws_peek().ok_or(Expect::Value)?;
        fields.insert(key.into(), value(depth, next, lexer)?);
        Ok::<_, Error>(())
    })?;
    Ok(Val::obj(fields))
}
