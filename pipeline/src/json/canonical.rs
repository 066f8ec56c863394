//! One text for all values that jq calls equal: what keys are.
use super::{to_text, write};
use jaq_json::{Num, Val};

/// The JSON text of a value with the keys of objects sorted and numbers in one form: `1`, `1.0` and `1e0` are one. It is
/// in checkpoints, as the key of state: never changes.
pub fn canonical(value: &Val) -> String {
    match value {
        Val::Num(number) => of_number(number),
        Val::Arr(items) => joined('[', items.iter().map(canonical), ']'),
        Val::Obj(fields) => {
            let mut sorted: Vec<(String, String)> = fields.iter().map(|(k, v)| (to_text(k), canonical(v))).collect();
            sorted.sort_unstable();
            joined('{', sorted.into_iter().map(|(key, field)| format!("{key}:{field}")), '}')
        }
        other => to_text(other),
    }
}

fn joined(open: char, parts: impl Iterator<Item = String>, close: char) -> String {
    let mut text = String::from(open);
    for (i, part) in parts.enumerate() {
        if i > 0 {
            text.push(',');
        }
        text.push_str(&part);
    }
    text.push(close);
    text
}

/// Floats below this are exact where they are whole.
const EXACT: f64 = 9_007_199_254_740_992.0;

fn of_number(number: &Num) -> String {
    let float = match number {
        Num::Int(_) | Num::BigInt(_) => return to_text(&Val::Num(number.clone())),
        Num::Float(n) => *n,
        Num::Dec(digits) => digits.parse().unwrap_or(f64::NAN),
    };
    if float.fract() == 0.0 && float.abs() <= EXACT {
        return format!("{}", float as i64);
    }
    let mut out = vec![];
    write(&Val::Num(Num::Float(float)), &mut out);
    String::from_utf8(out).unwrap_or_default() // digits are UTF-8
}
