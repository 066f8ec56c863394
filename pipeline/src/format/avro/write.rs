//! From the values of programs to Avro's. Nothing is guessed and nothing is lost: what does not fit the schema is an error
//! that says where.
use super::read::named;
use super::{number, time};
use crate::json::{self, Val};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jaq_json::Map;
use millstream_formats::apache_avro::schema::{NamespaceRef, RecordField, RecordSchema, Schema, UnionSchema};
use millstream_formats::apache_avro::{Days, Decimal, Duration, Millis, Months};
use millstream_formats::{AvroSchema, AvroValue};

/// The most of a value that an error shows, in characters.
const SHOWN: usize = 60;

/// A value as one of the schema.
///
/// # Errors
/// Where it does not fit, and why: `.lines[2].price: "x" is no double`.
pub(super) fn write(value: &Val, schema: &AvroSchema) -> Result<AvroValue, String> {
    let written = Writing { schema }.value(value, schema.root(), None);
    written.map_err(|e| format!("does not fit the schema: {}", e.trim_start_matches(": ")))
}

struct Writing<'a> {
    schema: &'a AvroSchema,
}

impl Writing<'_> {
    fn value(&self, value: &Val, schema: &Schema, space: NamespaceRef<'_>) -> Result<AvroValue, String> {
        match (schema, value) {
            (Schema::Ref { name }, value) => {
                let (schema, name) = named(self.schema, name, space)?;
                self.value(value, schema, name.namespace())
            }
            (Schema::Union(union), value) => self.branch(value, union, space),
            (Schema::Record(record), Val::Obj(object)) => self.record(object, record, space),
            (Schema::Map(map), Val::Obj(object)) => {
                let item = |(key, value): (&Val, &Val)| {
                    let key = text(key).ok_or_else(|| misfit(key, "a text, as the keys of a map are"))?;
                    let value = self.value(value, &map.types, space).map_err(|e| format!(".{key}{e}"))?;
                    Ok((key.to_owned(), value))
                };
                Ok(AvroValue::Map(object.iter().map(item).collect::<Result<_, String>>()?))
            }
            (Schema::Array(array), Val::Arr(items)) => {
                let item = |(i, item)| self.value(item, &array.items, space).map_err(|e| format!("[{i}]{e}"));
                Ok(AvroValue::Array(items.iter().enumerate().map(item).collect::<Result<_, String>>()?))
            }
            (schema, value) => plain(value, schema),
        }
    }

    /// The first branch that takes the value.
    fn branch(&self, value: &Val, union: &UnionSchema, space: NamespaceRef<'_>) -> Result<AvroValue, String> {
        let mut wrong = vec![];
        for (index, branch) in union.variants().iter().enumerate() {
            match self.value(value, branch, space) {
                Ok(written) => return Ok(AvroValue::Union(index as u32, Box::new(written))),
                Err(_) if matches!(branch, Schema::Null) => {}
                Err(e) => wrong.push(e),
            }
        }
        match wrong.len() {
            1 => Err(wrong.remove(0)),
            _ => Err(misfit(value, "of any branch of the union")),
        }
    }

    fn record(
        &self,
        object: &Map<Val, Val>,
        record: &RecordSchema,
        space: NamespaceRef<'_>,
    ) -> Result<AvroValue, String> {
        let name = record.name.fully_qualified_name(space);
        let unknown = object.keys().find(|key| text(key).is_none_or(|key| !record.lookup.contains_key(key)));
        if let Some(key) = unknown {
            let names: Vec<&str> = record.fields.iter().map(|field| field.name.as_str()).collect();
            return Err(format!(": record {name} has no field {}; it has {}", json::to_text(key), names.join(", ")));
        }
        let field = |field: &RecordField| {
            let found = object.get(&Val::from(field.name.clone()));
            let written = match (found, &field.default) {
                (Some(value), _) => self.value(value, &field.schema, name.namespace()),
                (None, Some(default)) => self.default(default, &field.schema, name.namespace()),
                (None, None) if is_nullable(&field.schema) => self.value(&Val::Null, &field.schema, None),
                (None, None) => Err(": is missing, and the schema has no default for it".into()),
            };
            Ok((field.name.clone(), written.map_err(|e| format!(".{}{e}", field.name))?))
        };
        Ok(AvroValue::Record(record.fields.iter().map(field).collect::<Result<_, String>>()?))
    }

    /// The default of a field; of bytes a text whose characters are the bytes.
    fn default(
        &self,
        default: &serde_json::Value,
        schema: &Schema,
        space: NamespaceRef<'_>,
    ) -> Result<AvroValue, String> {
        match (schema, default) {
            (Schema::Bytes | Schema::Fixed(_), serde_json::Value::String(text)) => {
                let bytes: Result<Vec<u8>, _> = text.chars().map(u8::try_from).collect();
                let bytes = bytes.map_err(|_| ": the default has characters that are no bytes")?;
                plain(&BASE64_STANDARD.encode(bytes).into(), schema)
            }
            _ => self.value(&json::read(default.to_string().as_bytes())?, schema, space),
        }
    }
}

fn is_nullable(schema: &Schema) -> bool {
    matches!(schema, Schema::Union(union) if union.variants().contains(&Schema::Null))
}

/// What has nothing inside.
fn plain(value: &Val, schema: &Schema) -> Result<AvroValue, String> {
    let integer = || number::to_integer(value);
    let moment = |of: fn(&str, i64) -> Option<i64>, unit| match text(value) {
        Some(text) => of(text, unit),
        None => number::to_integer(value),
    };
    let written = match schema {
        Schema::Null => matches!(value, Val::Null).then_some(AvroValue::Null),
        Schema::Boolean => match value {
            Val::Bool(is) => Some(AvroValue::Boolean(*is)),
            _ => None,
        },
        Schema::Int => integer().and_then(|n| n.try_into().ok()).map(AvroValue::Int),
        Schema::Long => integer().map(AvroValue::Long),
        Schema::Float => number::to_float(value).map(|n| AvroValue::Float(n as f32)),
        Schema::Double => number::to_float(value).map(AvroValue::Double),
        Schema::String => text(value).map(|text| AvroValue::String(text.into())),
        Schema::Bytes => bytes(value).map(AvroValue::Bytes),
        Schema::Fixed(fixed) => {
            bytes(value).filter(|bytes| bytes.len() == fixed.size).map(|b| AvroValue::Fixed(fixed.size, b))
        }
        Schema::Enum(of) => {
            let index = text(value).and_then(|text| of.symbols.iter().position(|symbol| symbol == text));
            index.map(|index| AvroValue::Enum(index as u32, of.symbols[index].clone()))
        }
        Schema::Decimal(of) => {
            let unscaled = number::digits(value).and_then(|digits| number::unscaled(&digits, of.scale));
            let fits = unscaled.filter(|n| n.magnitude().to_string().len() <= of.precision);
            fits.map(|n| AvroValue::Decimal(Decimal::from(n.to_signed_bytes_be())))
        }
        Schema::BigDecimal => number::digits(value).and_then(|digits| digits.parse().ok()).map(AvroValue::BigDecimal),
        Schema::Uuid(_) => text(value).and_then(|text| text.parse().ok()).map(AvroValue::Uuid),
        Schema::Date => match text(value) {
            Some(text) => time::to_days(text).map(AvroValue::Date),
            None => integer().and_then(|n| n.try_into().ok()).map(AvroValue::Date),
        },
        Schema::TimeMillis => {
            moment(time::to_of_day, time::MILLIS).and_then(|n| n.try_into().ok()).map(AvroValue::TimeMillis)
        }
        Schema::TimeMicros => moment(time::to_of_day, time::MICROS).map(AvroValue::TimeMicros),
        Schema::TimestampMillis => moment(time::to_instant, time::MILLIS).map(AvroValue::TimestampMillis),
        Schema::TimestampMicros => moment(time::to_instant, time::MICROS).map(AvroValue::TimestampMicros),
        Schema::TimestampNanos => moment(time::to_instant, time::NANOS).map(AvroValue::TimestampNanos),
        Schema::LocalTimestampMillis => moment(time::to_local, time::MILLIS).map(AvroValue::LocalTimestampMillis),
        Schema::LocalTimestampMicros => moment(time::to_local, time::MICROS).map(AvroValue::LocalTimestampMicros),
        Schema::LocalTimestampNanos => moment(time::to_local, time::NANOS).map(AvroValue::LocalTimestampNanos),
        Schema::Duration(_) => duration(value).map(AvroValue::Duration),
        _ => None,
    };
    written.ok_or_else(|| misfit(value, &name_of(schema)))
}

fn duration(value: &Val) -> Option<Duration> {
    let Val::Obj(object) = value else { return None };
    let part = |name: &str| object.get(&Val::from(name.to_owned())).and_then(number::to_integer);
    let part = |name: &str| part(name).and_then(|n| u32::try_from(n).ok());
    Some(Duration::new(Months::new(part("months")?), Days::new(part("days")?), Millis::new(part("millis")?)))
}

fn text(value: &Val) -> Option<&str> {
    match value {
        Val::TStr(text) => std::str::from_utf8(text).ok(),
        _ => None,
    }
}

/// Bytes as they are, or a text in base64.
fn bytes(value: &Val) -> Option<Vec<u8>> {
    match value {
        Val::BStr(bytes) => Some(bytes.to_vec()),
        value => BASE64_STANDARD.decode(text(value)?).ok(),
    }
}

fn misfit(value: &Val, wanted: &str) -> String {
    let mut shown: String = json::to_text(value);
    if let Some((at, _)) = shown.char_indices().nth(SHOWN) {
        shown.truncate(at);
        shown.push_str("..");
    }
    format!(": {shown} is not {wanted}")
}

/// What the schema wants, in words.
fn name_of(schema: &Schema) -> String {
    match schema {
        Schema::Null => "null".into(),
        Schema::Boolean => "a boolean".into(),
        Schema::Int => "an int: a whole number of 32 bits".into(),
        Schema::Long => "a long: a whole number of 64 bits".into(),
        Schema::Float | Schema::Double => "a number".into(),
        Schema::String => "a text".into(),
        Schema::Bytes => "bytes: a text in base64".into(),
        Schema::Fixed(fixed) => format!("{} bytes: a text in base64", fixed.size),
        Schema::Enum(of) => format!("one of {}", of.symbols.join(", ")),
        Schema::Decimal(of) => format!("a decimal({}, {})", of.precision, of.scale),
        Schema::Uuid(_) => "a UUID".into(),
        Schema::Date => "a date: \"2026-11-21\", or days since 1970".into(),
        Schema::Record(record) => format!("an object: the record {}", record.name),
        Schema::Array(_) => "an array".into(),
        Schema::Map(_) => "an object: a map".into(),
        Schema::Duration(_) => "an object of months, days and millis".into(),
        _ => "a time as the schema has it: RFC 3339, or a whole number of its units".into(),
    }
}
