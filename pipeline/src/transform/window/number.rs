//! What windows keep of numbers: exact while they are whole.
use crate::json::{Num, Val};
use millstream_runtime::State;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// A number in state. Whole ones up to 128 bits add up exactly; with a float, or beyond that, the sum is a float.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, State)]
pub(super) enum Number {
    Whole(i128),
    Float(f64),
}

impl Number {
    /// Of a value; none of what is no number.
    pub fn of(value: &Val) -> Option<Self> {
        match value {
            Val::Num(Num::Int(n)) => Some(Number::Whole(*n as i128)),
            Val::Num(Num::BigInt(n)) => {
                let text = n.to_string();
                text.parse().map(Number::Whole).or_else(|_| text.parse().map(Number::Float)).ok()
            }
            Val::Num(Num::Float(n)) => Some(Number::Float(*n)),
            Val::Num(Num::Dec(digits)) => digits.parse().map(Number::Float).ok(),
            _ => None,
        }
    }

    /// As a value.
    pub fn value(self) -> Val {
        match self {
            Number::Whole(n) => Val::Num(Num::from_integral(n)),
            Number::Float(n) => Val::Num(Num::Float(n)),
        }
    }

    pub fn as_f64(self) -> f64 {
        match self {
            Number::Whole(n) => n as f64,
            Number::Float(n) => n,
        }
    }

    pub fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Number::Whole(a), Number::Whole(b)) => {
                a.checked_add(b).map_or(Number::Float(a as f64 + b as f64), Number::Whole)
            }
            (a, b) => Number::Float(a.as_f64() + b.as_f64()),
        }
    }

    pub fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Number::Whole(a), Number::Whole(b)) => a.cmp(&b),
            (a, b) => a.as_f64().total_cmp(&b.as_f64()),
        }
    }
}
