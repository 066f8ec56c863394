//! What a record, a key and a state are, and the schema that a checkpoint keeps of them.
use crate::time::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;
use std::hash::Hash;

/// Bytes as a source read them.
pub type Bytes = Vec<u8>;

/// A record: what crosses workers.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a record: it must cross workers",
    label = "derive `Clone, Serialize, Deserialize` on it and let it own its data (no `Rc`, no borrows)"
)]
pub trait Data: Clone + Send + Serialize + DeserializeOwned + 'static {}
#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Serialize + DeserializeOwned + 'static> Data for T {}

/// What is kept in checkpoints: state, keys, records in flight. Derive it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept in a checkpoint: it has no schema",
    label = "derive `State` on it, so that a savepoint can be checked before it is loaded"
)]
pub trait State: Data {
    /// Name, version and definition; its fingerprint is compared before a restore.
    const SCHEMA: Schema;

    /// Reads a value that an older version of the type wrote: `None` where `stored` is no version this type knows.
    /// `#[state(version = 2, from = Old)]` writes it.
    fn migrate(_stored: &StoredSchema, _bytes: &[u8]) -> Option<Result<Self, String>> {
        None
    }

    /// Whether [`State::migrate`] reads what was written under `stored`.
    fn migrates_from(_stored: &StoredSchema) -> bool {
        false
    }
}

/// What records are grouped by. The key group is a hash of its canonical encoding, so `Hash` is for maps in memory only.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key",
    label = "a key derives `State, PartialEq, Eq, Hash, PartialOrd, Ord`; a float is never one: use cents, or a rounded integer"
)]
pub trait Key: State + Eq + Hash + Ord {}
#[diagnostic::do_not_recommend]
impl<T: State + Eq + Hash + Ord> Key for T {}

/// Name, version and definition of a type that is kept in checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The type's name, for messages only: a type may be renamed.
    pub name: &'static str,
    /// Counted up by the user when the definition changes.
    pub version: u32,
    /// The definition's text without names of types: `{id:u64,cents:i64}`.
    pub definition: &'static str,
    /// 64-bit FNV-1a over the version, the definition and the fingerprints of its parts, in order.
    pub fingerprint: u64,
}

impl Schema {
    /// A type without parts that have schemas of their own.
    pub const fn new(name: &'static str, version: u32, definition: &'static str) -> Self {
        let seed = fnv(FNV_OFFSET, &version.to_le_bytes());
        Self { name, version, definition, fingerprint: fnv(seed, definition.as_bytes()) }
    }

    /// Folds in the schema of a part, in the order of the definition.
    pub const fn with(mut self, part: Schema) -> Self {
        self.fingerprint = fnv(self.fingerprint, &part.fingerprint.to_le_bytes());
        self
    }

    /// The form that a checkpoint keeps.
    pub fn stored(&self) -> StoredSchema {
        StoredSchema {
            name: self.name.into(),
            version: self.version,
            fingerprint: self.fingerprint,
            definition: self.definition.into(),
        }
    }
}

/// A schema as a checkpoint keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSchema {
    /// The type's name when it was written.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// See [`Schema::fingerprint`].
    pub fingerprint: u64,
    /// See [`Schema::definition`].
    pub definition: String,
}

impl StoredSchema {
    /// Whether `T` reads what was written under this schema, directly or by a migration.
    pub fn is_readable_as<T: State>(&self) -> bool {
        self.fingerprint == T::SCHEMA.fingerprint || T::migrates_from(self)
    }
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

const fn fnv(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        i += 1;
    }
    hash
}

macro_rules! plain {
    ($($t:ty),*) => { $(
        impl State for $t { const SCHEMA: Schema = Schema::new(stringify!($t), 1, stringify!($t)); }
    )* };
}
plain!((), bool, char, u8, u16, u32, u64, u128, i8, i16, i32, i64, i128, f32, f64, String, Timestamp);

macro_rules! composed {
    ($($name:literal $t:ty where $($p:ident),*;)*) => { $(
        impl<$($p: State),*> State for $t { const SCHEMA: Schema = Schema::new($name, 1, $name)$(.with($p::SCHEMA))*; }
    )* };
}
composed! {
    "Option" Option<A> where A;
    "Vec" Vec<A> where A;
    "Box" Box<A> where A;
    "(A)" (A,) where A;
    "(A, B)" (A, B) where A, B;
    "(A, B, C)" (A, B, C) where A, B, C;
    "(A, B, C, D)" (A, B, C, D) where A, B, C, D;
    "(A, B, C, D, E)" (A, B, C, D, E) where A, B, C, D, E;
    "(A, B, C, D, E, F)" (A, B, C, D, E, F) where A, B, C, D, E, F;
}

impl<K: State + Ord, V: State> State for BTreeMap<K, V> {
    const SCHEMA: Schema = Schema::new("BTreeMap", 1, "BTreeMap").with(K::SCHEMA).with(V::SCHEMA);
}

impl<T: State + Ord> State for std::collections::BTreeSet<T> {
    const SCHEMA: Schema = Schema::new("BTreeSet", 1, "BTreeSet").with(T::SCHEMA);
}
