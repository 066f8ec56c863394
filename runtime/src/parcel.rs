//! What travels on every edge: a batch whose type only its two ends know.
//!
//! One container type for all edges means that timely, the drivers and the exchange are compiled once, and that graphs
//! are drawn without a lifetime. Between threads a parcel moves as it is; between processes it is encoded by its type.
use crate::batch::Batch;
use crate::codec;
use crate::data::Data;
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};
use std::any::Any;
use std::fmt;

/// A batch on its way to a worker.
#[derive(Clone)]
pub struct Parcel {
    /// The worker it goes to, where it crosses an exchange.
    pub(crate) target: u64,
    body: Body,
}

enum Body {
    Typed(Box<dyn Payload>),
    Encoded(Vec<u8>),
}

/// What a parcel needs of the batch inside.
trait Payload: Any + Send {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String>;
    fn duplicate(&self) -> Box<dyn Payload>;
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<T: Data> Payload for Batch<T> {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        codec::encode_into(self, out)
    }
    fn duplicate(&self) -> Box<dyn Payload> {
        Box::new(self.clone())
    }
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

impl Parcel {
    /// Wraps a batch that stays on its worker.
    pub fn new<T: Data>(batch: Batch<T>) -> Self {
        Self { target: 0, body: Body::Typed(Box::new(batch)) }
    }

    /// Wraps a batch for another worker.
    pub fn to<T: Data>(target: usize, batch: Batch<T>) -> Self {
        Self { target: target as u64, ..Self::new(batch) }
    }

    /// Unwraps it.
    ///
    /// # Errors
    /// Where it holds records of another type, which the graph's hash rules out, or its bytes are broken.
    pub fn open<T: Data>(self) -> Result<Batch<T>, String> {
        match self.body {
            Body::Encoded(bytes) => codec::decode(&bytes),
            Body::Typed(payload) => match payload.into_any().downcast::<Batch<T>>() {
                Ok(batch) => Ok(*batch),
                Err(_) => Err(format!("a batch that is none of `{}`", std::any::type_name::<T>())),
            },
        }
    }
}

impl Clone for Body {
    fn clone(&self) -> Self {
        match self {
            Body::Typed(payload) => Body::Typed(payload.duplicate()),
            Body::Encoded(bytes) => Body::Encoded(bytes.clone()),
        }
    }
}

impl fmt::Debug for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parcel to worker {}", self.target)
    }
}

impl Serialize for Parcel {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        match &self.body {
            Body::Typed(payload) => payload.encode(&mut bytes).map_err(ser::Error::custom)?,
            Body::Encoded(encoded) => bytes.extend_from_slice(encoded),
        }
        (self.target, bytes).serialize(s)
    }
}

impl<'de> Deserialize<'de> for Parcel {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let (target, bytes) = Deserialize::deserialize(d)?;
        Ok(Self { target, body: Body::Encoded(bytes) })
    }
}
