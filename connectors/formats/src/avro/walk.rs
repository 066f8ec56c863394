//! Whether bytes are one datum of a schema, before anything is made of them.
//!
//! The library takes bytes that end too early for `null` in places, takes any depth, and makes room for what lengths
//! announce. So the bytes are walked first: what passes here fills them exactly, and is bounded by their length.
use crate::confluent::zigzag;
use apache_avro::Schema;
use apache_avro::schema::{InnerDecimalSchema, Names, NamespaceRef, UuidSchema};

/// The deepest nesting of records, arrays and maps: a stack is bounded, and bytes from outside are not.
const DEEPEST: usize = 100;

/// Values may take no byte at all (`null`, empty records): beyond one for each byte, so many are allowed.
const FREE_VALUES: usize = 1 << 16;

/// Walks the bytes of one datum.
///
/// # Errors
/// Where they are not exactly one datum of the schema, or above the bounds.
pub(super) fn walk(schema: &Schema, names: &Names, bytes: &[u8]) -> Result<(), String> {
    let mut walk = Walk { names, rest: bytes, values: bytes.len().saturating_add(FREE_VALUES) };
    walk.value(schema, None, DEEPEST).map_err(|what| {
        let at = bytes.len() - walk.rest.len();
        format!("no Avro of this schema: {what} at byte {at} of {}", bytes.len())
    })?;
    match walk.rest.len() {
        0 => Ok(()),
        left => Err(format!("no Avro of this schema: {left} of {} bytes are left over", bytes.len())),
    }
}

struct Walk<'a> {
    names: &'a Names,
    rest: &'a [u8],
    /// So many values may still come.
    values: usize,
}

impl<'a> Walk<'a> {
    fn value(&mut self, schema: &Schema, space: NamespaceRef<'_>, depth: usize) -> Result<(), String> {
        self.values = self.values.checked_sub(1).ok_or("more values than bytes")?;
        let deeper = || depth.checked_sub(1).ok_or_else(|| format!("nested deeper than {DEEPEST}"));
        match schema {
            Schema::Null => Ok(()),
            Schema::Boolean => match self.take(1)? {
                [0 | 1] => Ok(()),
                _ => Err("a boolean that is neither 0 nor 1".into()),
            },
            Schema::Int | Schema::Date | Schema::TimeMillis => self.int().map(drop),
            Schema::Long
            | Schema::TimeMicros
            | Schema::TimestampMillis
            | Schema::TimestampMicros
            | Schema::TimestampNanos
            | Schema::LocalTimestampMillis
            | Schema::LocalTimestampMicros
            | Schema::LocalTimestampNanos => self.long().map(drop),
            Schema::Float => self.take(4).map(drop),
            Schema::Double => self.take(8).map(drop),
            Schema::Bytes | Schema::BigDecimal | Schema::Uuid(UuidSchema::Bytes) => self.bytes().map(drop),
            Schema::String | Schema::Uuid(UuidSchema::String) => self.text(),
            Schema::Fixed(fixed) | Schema::Duration(fixed) | Schema::Uuid(UuidSchema::Fixed(fixed)) => {
                self.take(fixed.size).map(drop)
            }
            Schema::Decimal(decimal) => match &decimal.inner {
                InnerDecimalSchema::Bytes => self.bytes().map(drop),
                InnerDecimalSchema::Fixed(fixed) => self.take(fixed.size).map(drop),
            },
            Schema::Enum(symbols) => self.index(symbols.symbols.len(), "symbol").map(drop),
            Schema::Union(union) => {
                let index = self.index(union.variants().len(), "branch of a union")?;
                self.value(&union.variants()[index], space, depth)
            }
            Schema::Array(array) => {
                let depth = deeper()?;
                self.blocks(|walk| walk.value(&array.items, space, depth))
            }
            Schema::Map(map) => {
                let depth = deeper()?;
                self.blocks(|walk| {
                    walk.text()?;
                    walk.value(&map.types, space, depth)
                })
            }
            Schema::Record(record) => {
                let (depth, name) = (deeper()?, record.name.fully_qualified_name(space));
                record.fields.iter().try_for_each(|field| self.value(&field.schema, name.namespace(), depth))
            }
            Schema::Ref { name } => {
                let name = name.fully_qualified_name(space);
                let schema = self.names.get(&*name).ok_or_else(|| format!("the schema has no type {name}"))?;
                self.value(schema, name.namespace(), depth)
            }
        }
    }

    /// The items of an array or a map, in blocks: each with its count, a negative one with its length in bytes behind it.
    fn blocks(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), String>) -> Result<(), String> {
        loop {
            let count = self.long()?;
            if count == 0 {
                return Ok(());
            }
            if count < 0 {
                self.long()?;
            }
            if count.unsigned_abs() > self.values as u64 {
                return Err(format!("a block of {} items, more than there can be", count.unsigned_abs()));
            }
            for _ in 0..count.unsigned_abs() {
                item(self)?;
            }
        }
    }

    fn long(&mut self) -> Result<i64, String> {
        let (number, rest) = zigzag(self.rest)?;
        self.rest = rest;
        Ok(number)
    }

    fn int(&mut self) -> Result<i32, String> {
        let number = self.long()?;
        i32::try_from(number).map_err(|_| format!("{number} is no int"))
    }

    fn index(&mut self, of: usize, what: &str) -> Result<usize, String> {
        let index = self.int()?;
        let fine = usize::try_from(index).ok().filter(|index| *index < of);
        fine.ok_or_else(|| format!("there is no {what} {index}"))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or("ends within a value")?;
        self.rest = rest;
        Ok(taken)
    }

    fn bytes(&mut self) -> Result<&'a [u8], String> {
        let length = self.long()?;
        let fine = usize::try_from(length).ok().filter(|length| *length <= self.rest.len());
        self.take(fine.ok_or_else(|| format!("a length of {length}, more than is left"))?)
    }

    fn text(&mut self) -> Result<(), String> {
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes).map(drop).map_err(|_| "a string that is not UTF-8".into())
    }
}
