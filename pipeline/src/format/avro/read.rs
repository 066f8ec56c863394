//! From Avro's values to those of programs.
use super::{number, time};
use crate::json::{Num, Val};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jaq_json::Map;
use millstream_formats::apache_avro::schema::{Name, NamespaceRef, Schema};
use millstream_formats::{AvroSchema, AvroValue};

/// A value of the schema.
pub(super) fn read(value: AvroValue, schema: &AvroSchema) -> Result<Val, String> {
    Reading { schema }.value(value, schema.root(), None)
}

struct Reading<'a> {
    schema: &'a AvroSchema,
}

impl Reading<'_> {
    fn value(&self, value: AvroValue, schema: &Schema, space: NamespaceRef<'_>) -> Result<Val, String> {
        Ok(match (value, schema) {
            (value, Schema::Ref { name }) => {
                let (schema, name) = named(self.schema, name, space)?;
                self.value(value, schema, name.namespace())?
            }
            (AvroValue::Union(index, value), Schema::Union(union)) => {
                let branch = union.variants().get(index as usize).ok_or("a union without this branch")?;
                self.value(*value, branch, space)?
            }
            (AvroValue::Record(fields), Schema::Record(record)) => {
                let name = record.name.fully_qualified_name(space);
                let mut object = Map::default();
                for ((field, value), of) in fields.into_iter().zip(&record.fields) {
                    object.insert(field.into(), self.value(value, &of.schema, name.namespace())?);
                }
                Val::obj(object)
            }
            (AvroValue::Map(items), Schema::Map(map)) => {
                let mut items: Vec<(String, AvroValue)> = items.into_iter().collect();
                // The library has them in no order; a record must look the same each time it is read.
                items.sort_unstable_by(|a, b| a.0.cmp(&b.0));
                let item = |(key, value): (String, AvroValue)| Ok((key.into(), self.value(value, &map.types, space)?));
                Val::obj(items.into_iter().map(item).collect::<Result<_, String>>()?)
            }
            (AvroValue::Array(items), Schema::Array(array)) => {
                let items = items.into_iter().map(|item| self.value(item, &array.items, space));
                Val::Arr(items.collect::<Result<Vec<Val>, String>>()?.into())
            }
            (AvroValue::Decimal(decimal), Schema::Decimal(of)) => number::decimal_text(decimal.into(), of.scale),
            (value, _) => plain(value)?,
        })
    }
}

/// The schema of a name.
pub(super) fn named<'a, 'n>(
    schema: &'a AvroSchema,
    name: &'n Name,
    space: NamespaceRef<'_>,
) -> Result<(&'a Schema, std::borrow::Cow<'n, Name>), String> {
    let name = name.fully_qualified_name(space);
    let found = schema.names().get(&*name).ok_or_else(|| format!("the schema has no type {name}"))?;
    Ok((found, name))
}

/// What has nothing inside.
fn plain(value: AvroValue) -> Result<Val, String> {
    Ok(match value {
        AvroValue::Null => Val::Null,
        AvroValue::Boolean(is) => Val::Bool(is),
        AvroValue::Int(n) => Val::Num(Num::from_integral(n)),
        AvroValue::Long(n) => Val::Num(Num::from_integral(n)),
        AvroValue::Float(n) => number::float(n.into(), n),
        AvroValue::Double(n) => number::float(n, n),
        AvroValue::String(text) | AvroValue::Enum(_, text) => text.into(),
        AvroValue::Bytes(bytes) | AvroValue::Fixed(_, bytes) => BASE64_STANDARD.encode(bytes).into(),
        AvroValue::BigDecimal(n) => Val::Num(Num::Dec(n.to_string().into())),
        AvroValue::Uuid(id) => id.to_string().into(),
        AvroValue::Date(days) => time::date(days)?.into(),
        AvroValue::TimeMillis(n) => time::of_day(i64::from(n) * 1_000_000)?.into(),
        AvroValue::TimeMicros(n) => time::of_day(n.saturating_mul(1_000))?.into(),
        AvroValue::TimestampMillis(n) => time::instant(n, time::MILLIS)?.into(),
        AvroValue::TimestampMicros(n) => time::instant(n, time::MICROS)?.into(),
        AvroValue::TimestampNanos(n) => time::instant(n, time::NANOS)?.into(),
        AvroValue::LocalTimestampMillis(n) => time::local(n, time::MILLIS)?.into(),
        AvroValue::LocalTimestampMicros(n) => time::local(n, time::MICROS)?.into(),
        AvroValue::LocalTimestampNanos(n) => time::local(n, time::NANOS)?.into(),
        AvroValue::Duration(length) => {
            let [months, days, millis]: [u32; 3] =
                [length.months().into(), length.days().into(), length.millis().into()];
            let parts = [("months", months), ("days", days), ("millis", millis)];
            let parts = parts.map(|(name, n)| (name.to_owned().into(), Val::Num(Num::from_integral(n))));
            Val::obj(parts.into_iter().collect())
        }
        other => return Err(format!("a value that is not of its schema: {other:?}")),
    })
}
