//! `distinct_approx`: how many different values, in a few KiB however many they are.
use super::Aggregate;
use datasketches::hll::{HllSketch, HllType, HllUnion};
use millstream_runtime::codec;
use millstream_runtime::data::{Key, Schema, State};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::marker::PhantomData;

/// A standard error of 1.6 %, in at most 4 KiB.
const PRECISION: u8 = 12;

/// See [`distinct_approx`].
pub struct DistinctApprox<T, V, F> {
    f: F,
    precision: u8,
    of: PhantomData<fn(T) -> V>,
}

/// How many different values, by HyperLogLog: a standard error of 1.6 %, in at most 4 KiB for each key and window. Few
/// values (an eighth as many as registers) take less, and are counted exactly. The same values come to the same number, in whatever order and however they
/// were combined before.
///
/// Flajolet, Fusy, Gandouet, Meunier: HyperLogLog, 2007, as Apache DataSketches has it; registers are in its format.
///
/// ```
/// use millstream_operators::aggregate::{Aggregate, distinct_approx};
/// let visitors = distinct_approx(|name: &String| name.clone());
/// let mut seen = visitors.init();
/// ["ann", "bob", "ann"].iter().for_each(|name| visitors.add(&mut seen, &name.to_string()));
/// assert_eq!(visitors.finish(&seen), 2);
/// ```
pub fn distinct_approx<T, V: Key, F: Fn(&T) -> V>(f: F) -> DistinctApprox<T, V, F> {
    DistinctApprox { f, precision: PRECISION, of: PhantomData }
}

impl<T, V, F> DistinctApprox<T, V, F> {
    /// 2 to the `precision` registers of a byte each, 4 to 21: the standard error is 1.04 / sqrt(registers). Values out of
    /// these bounds are the nearest that is within.
    pub fn precision(mut self, precision: u8) -> Self {
        self.precision = precision.clamp(4, 21);
        self
    }
}

/// What is kept of the values.
#[derive(Clone, Serialize, Deserialize)]
pub struct Sketch(Kept);

#[derive(Clone, Serialize, Deserialize)]
enum Kept {
    /// The hashes of few values: exact.
    Few(BTreeSet<u64>),
    Many(Registers),
}

/// Registers of HyperLogLog; as bytes, those of DataSketches.
#[derive(Clone, Serialize, Deserialize)]
#[serde(into = "Vec<u8>", try_from = "Vec<u8>")]
struct Registers(HllSketch);

impl Kept {
    /// Whatever takes no more bytes than the registers would.
    fn add(&mut self, hash: u64, precision: u8) {
        match self {
            Kept::Many(registers) => registers.0.update(hash),
            Kept::Few(hashes) => {
                hashes.insert(hash);
                if hashes.len() > 1 << (precision - 3) {
                    *self = Kept::Many(Registers(registers_of(hashes, precision)));
                }
            }
        }
    }
}

fn registers_of(hashes: &BTreeSet<u64>, precision: u8) -> HllSketch {
    let mut sketch =
        HllSketch::new(precision, HllType::Hll8).expect("the builder keeps the precision between 4 and 21");
    hashes.iter().for_each(|hash| sketch.update(hash));
    sketch
}

impl State for Sketch {
    const SCHEMA: Schema = Schema::new("HyperLogLog", 1, "few xxh3 hashes, or DataSketches HLL_8");
}

impl From<Registers> for Vec<u8> {
    fn from(registers: Registers) -> Self {
        registers.0.serialize()
    }
}

impl TryFrom<Vec<u8>> for Registers {
    type Error = String;
    fn try_from(bytes: Vec<u8>) -> Result<Self, String> {
        HllSketch::deserialize(&bytes).map(Self).map_err(|e| format!("no HyperLogLog sketch: {e}"))
    }
}

fn united(a: &HllSketch, b: &HllSketch, precision: u8) -> HllSketch {
    let mut union = HllUnion::new(precision).expect("the builder keeps the precision between 4 and 21");
    union.update(a);
    union.update(b);
    union.to_sketch(HllType::Hll8)
}

impl<T: 'static, V: Key, F: Fn(&T) -> V + 'static> Aggregate<T> for DistinctApprox<T, V, F> {
    type Acc = Sketch;
    type Out = u64;
    fn init(&self) -> Sketch {
        Sketch(Kept::Few(BTreeSet::new()))
    }
    fn add(&self, acc: &mut Sketch, record: &T) {
        // By the bytes of the value: how Rust hashes it may change from one compiler to the next.
        if let Ok(bytes) = codec::encode(&(self.f)(record)) {
            acc.0.add(codec::hash_bytes(&bytes), self.precision);
        }
    }
    fn merge(&self, into: &mut Sketch, other: Sketch) {
        match other.0 {
            Kept::Few(hashes) => hashes.into_iter().for_each(|hash| into.0.add(hash, self.precision)),
            Kept::Many(mut registers) => {
                match &into.0 {
                    Kept::Few(hashes) => hashes.iter().for_each(|hash| registers.0.update(hash)),
                    Kept::Many(kept) => registers.0 = united(&registers.0, &kept.0, self.precision),
                }
                into.0 = Kept::Many(registers);
            }
        }
    }
    fn finish(&self, acc: &Sketch) -> u64 {
        match &acc.0 {
            Kept::Few(hashes) => hashes.len() as u64,
            // Not `estimate`: it depends on the order in which the values came.
            Kept::Many(registers) => registers.0.composite_estimate().round() as u64,
        }
    }
    fn name(&self) -> String {
        format!("distinct_approx of precision {}", self.precision)
    }
}
