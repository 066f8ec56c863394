//! Numbers of Avro and of programs, without a digit lost.
use crate::json::{Num, Val};
use num_bigint::BigInt;
use std::fmt::Display;

/// The texts of what is no number, in JSON as in Protobuf's mapping.
const NOT_FINITE: [(&str, f64); 3] = [("NaN", f64::NAN), ("Infinity", f64::INFINITY), ("-Infinity", f64::NEG_INFINITY)];

/// The most digits of an exponent that are written out: a short text must not become a long number.
const MOST_DIGITS: usize = 1_000;

/// A floating-point number, by the shortest digits that `shown` has.
pub(super) fn float(n: f64, shown: impl Display) -> Val {
    if n.is_nan() {
        return "NaN".to_owned().into();
    }
    match NOT_FINITE.iter().find(|(_, other)| *other == n) {
        Some((text, _)) => (*text).to_owned().into(),
        None => Val::Num(Num::Float(shown.to_string().parse().unwrap_or(n))),
    }
}

/// A floating-point number out of a value.
pub(super) fn to_float(value: &Val) -> Option<f64> {
    match value {
        Val::Num(Num::Float(n)) => Some(*n),
        Val::Num(number) => number.to_string().parse().ok(),
        Val::TStr(text) => NOT_FINITE.iter().find(|(name, _)| name.as_bytes() == &***text).map(|(_, n)| *n),
        _ => None,
    }
}

/// A whole number out of a value.
pub(super) fn to_integer(value: &Val) -> Option<i64> {
    match value {
        Val::Num(Num::Int(n)) => i64::try_from(*n).ok(),
        Val::Num(number) => unscaled(&number.to_string(), 0)?.try_into().ok(),
        _ => None,
    }
}

/// A decimal with all its digits: the whole number `unscaled`, with the point `scale` digits from the right.
pub(super) fn decimal_text(unscaled: BigInt, scale: usize) -> Val {
    if scale == 0 {
        return Val::Num(Num::big_int(unscaled));
    }
    let sign = if unscaled.sign() == num_bigint::Sign::Minus { "-" } else { "" };
    let digits = format!("{:0>width$}", unscaled.magnitude().to_string(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    Val::Num(Num::Dec(format!("{sign}{whole}.{fraction}").into()))
}

/// The digits of a number or a text.
pub(super) fn digits(value: &Val) -> Option<String> {
    match value {
        Val::Num(number) => Some(number.to_string()),
        Val::TStr(text) => String::from_utf8(text.to_vec()).ok(),
        _ => None,
    }
}

/// A decimal text as a whole number, with the point moved `scale` digits to the right; none where digits would be lost,
/// or where it is no number.
pub(super) fn unscaled(text: &str, scale: usize) -> Option<BigInt> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i64 = exponent.parse().ok()?;
    let fraction = fraction.trim_end_matches('0');
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let all: BigInt = format!("{whole}{fraction}").parse().ok()?;
    if all == BigInt::ZERO {
        return Some(all);
    }
    let shift = exponent.checked_add(scale as i64)?.checked_sub(fraction.len() as i64)?;
    if shift.unsigned_abs() > MOST_DIGITS as u64 {
        return None;
    }
    let power = BigInt::from(10).pow(shift.unsigned_abs() as u32);
    match shift >= 0 {
        true => Some(all * power),
        false => (&all % &power == BigInt::ZERO).then(|| all / power),
    }
}
