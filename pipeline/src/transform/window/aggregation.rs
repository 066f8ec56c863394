//! The aggregates of a window: `count`, `sum .bytes`.
use super::number::Number;
use crate::event::Event;
use crate::expression::Expression;
use crate::json::{Val, canonical, read, to_text};
use millstream_operators::aggregate::Aggregate;
use millstream_runtime::State;
use serde::{Deserialize, Deserializer, Serialize, de};
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// What is computed of the values that an expression gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Count,
    Sum,
    Mean,
    Min,
    Max,
    Distinct,
}

/// As they are written.
const FUNCTIONS: [(&str, Function); 6] = [
    ("count", Function::Count),
    ("sum", Function::Sum),
    ("mean", Function::Mean),
    ("min", Function::Min),
    ("max", Function::Max),
    ("distinct", Function::Distinct),
];

/// One aggregate: a function, and the jq program whose results it takes. `null` is not counted, as in SQL.
#[derive(Clone, Debug)]
pub(super) struct Aggregation {
    function: Function,
    /// None of a plain `count`.
    of: Option<Expression>,
}

impl<'de> Deserialize<'de> for Aggregation {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let (name, program) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        let wrong = || {
            let names: Vec<&str> = FUNCTIONS.iter().map(|(name, _)| *name).collect();
            de::Error::custom(format!(
                "{text:?} is no aggregate: write `count`, `sum .bytes`; there are {}",
                names.join(", ")
            ))
        };
        let (_, function) = FUNCTIONS.iter().find(|(known, _)| *known == name).ok_or_else(wrong)?;
        let of = match program.trim() {
            "" if *function == Function::Count => None,
            "" => return Err(de::Error::custom(format!("{name} of what? write `{name} .field`"))),
            program => Some(Expression::compile(program).map_err(de::Error::custom)?),
        };
        Ok(Self { function: *function, of })
    }
}

/// What one aggregate takes of one record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, State)]
pub(super) enum Measure {
    /// Not counted.
    Nothing,
    /// Counted.
    Something,
    Number(Number),
    Text(String),
    /// Canonical JSON.
    Any(String),
}

impl Aggregation {
    /// The text that state depends on.
    pub fn text(&self) -> String {
        format!("{:?} {}", self.function, self.of.as_ref().map_or("", |of| of.text()))
    }

    /// What it takes of a record.
    pub fn measure(&self, event: &Event) -> Result<Measure, String> {
        let Some(expression) = &self.of else { return Ok(Measure::Something) };
        let value = expression.one(event)?;
        let wrong = || format!("{:?} of {}: it takes numbers", self.function, to_text(&value)).to_lowercase();
        match (self.function, &value) {
            (_, Val::Null) => Ok(Measure::Nothing),
            (Function::Count, _) => Ok(Measure::Something),
            (Function::Distinct, _) => Ok(Measure::Any(canonical(&value))),
            (Function::Min | Function::Max, Val::TStr(text)) => {
                Ok(Measure::Text(String::from_utf8_lossy(text).into_owned()))
            }
            (Function::Min | Function::Max, _) => {
                Number::of(&value).map(Measure::Number).ok_or_else(|| format!("{} or texts", wrong()))
            }
            (Function::Sum | Function::Mean, _) => Number::of(&value).map(Measure::Number).ok_or_else(wrong),
        }
    }

    fn init(&self) -> Kept {
        match self.function {
            Function::Count => Kept::Count(0),
            Function::Sum => Kept::Sum(Number::Whole(0)),
            Function::Mean => Kept::Mean(Number::Whole(0), 0),
            Function::Min => Kept::Min(Measure::Nothing),
            Function::Max => Kept::Max(Measure::Nothing),
            Function::Distinct => Kept::Distinct(BTreeSet::new()),
        }
    }
}

/// What is kept of the records of a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, State)]
pub(super) enum Kept {
    Count(u64),
    Sum(Number),
    Mean(Number, u64),
    Min(Measure),
    Max(Measure),
    Distinct(BTreeSet<String>),
}

impl Kept {
    fn add(&mut self, measure: &Measure) {
        match (self, measure) {
            (_, Measure::Nothing) => {}
            (Kept::Count(n), _) => *n += 1,
            (Kept::Sum(sum), Measure::Number(n)) => *sum = sum.plus(*n),
            (Kept::Mean(sum, count), Measure::Number(n)) => (*sum, *count) = (sum.plus(*n), *count + 1),
            (Kept::Min(kept), one) => replace(kept, one, Ordering::Less),
            (Kept::Max(kept), one) => replace(kept, one, Ordering::Greater),
            (Kept::Distinct(all), Measure::Any(text)) => drop(all.insert(text.clone())),
            _ => {}
        }
    }

    fn merge(&mut self, other: Self) {
        match (self, other) {
            (Kept::Count(n), Kept::Count(more)) => *n += more,
            (Kept::Sum(sum), Kept::Sum(more)) => *sum = sum.plus(more),
            (Kept::Mean(sum, count), Kept::Mean(more, others)) => (*sum, *count) = (sum.plus(more), *count + others),
            (Kept::Min(kept), Kept::Min(one)) => replace(kept, &one, Ordering::Less),
            (Kept::Max(kept), Kept::Max(one)) => replace(kept, &one, Ordering::Greater),
            (Kept::Distinct(all), Kept::Distinct(mut more)) => all.append(&mut more),
            _ => {}
        }
    }

    /// What it comes to.
    pub fn value(&self) -> Val {
        let whole = |n: usize| Val::from(n);
        match self {
            Kept::Count(n) => Number::Whole(i128::from(*n)).value(),
            Kept::Sum(sum) => sum.value(),
            Kept::Mean(_, 0) => Val::Null,
            Kept::Mean(sum, count) => Number::Float(sum.as_f64() / *count as f64).value(),
            Kept::Min(measure) | Kept::Max(measure) => measure.value(),
            Kept::Distinct(all) => whole(all.len()),
        }
    }
}

/// Keeps the better one: where `better` is how it compares. Texts come after numbers, as in jq.
fn replace(kept: &mut Measure, one: &Measure, better: Ordering) {
    let order = match (one, &*kept) {
        (Measure::Nothing, _) => return,
        (_, Measure::Nothing) => better,
        (Measure::Number(a), Measure::Number(b)) => a.compare(*b),
        (Measure::Text(a), Measure::Text(b)) => a.cmp(b),
        (Measure::Number(_), _) => Ordering::Less,
        (_, Measure::Number(_)) => Ordering::Greater,
        _ => Ordering::Equal,
    };
    if order == better {
        *kept = one.clone();
    }
}

impl Measure {
    fn value(&self) -> Val {
        match self {
            Measure::Number(n) => n.value(),
            Measure::Text(text) => text.clone().into(),
            Measure::Any(text) => read(text.as_bytes()).unwrap_or_default(),
            Measure::Nothing | Measure::Something => Val::Null,
        }
    }
}

/// The key of a record, and what each aggregate takes of it.
pub(super) type Measured = (String, Vec<Measure>);

/// All aggregates of a window.
pub(super) struct Aggregates(pub Vec<Aggregation>);

impl Aggregate<Measured> for Aggregates {
    type Acc = Vec<Kept>;
    type Out = Vec<Kept>;

    fn init(&self) -> Vec<Kept> {
        self.0.iter().map(Aggregation::init).collect()
    }

    fn add(&self, acc: &mut Vec<Kept>, (_, measures): &Measured) {
        acc.iter_mut().zip(measures).for_each(|(kept, measure)| kept.add(measure));
    }

    fn merge(&self, into: &mut Vec<Kept>, other: Vec<Kept>) {
        into.iter_mut().zip(other).for_each(|(kept, other)| kept.merge(other));
    }

    fn finish(&self, acc: &Vec<Kept>) -> Vec<Kept> {
        acc.clone()
    }
}
