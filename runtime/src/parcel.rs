//! What travels on every edge: a batch whose type only its two ends know.
//!
//! One container type for all edges means that timely, the drivers and the exchange are compiled once, and that graphs
//! are drawn without a lifetime. Between threads a parcel moves as it is; between processes it is encoded by its type.
use crate::batch::Batch;
use crate::codec;
use crate::data::Data;
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};
use serde_bytes::{ByteBuf, Bytes};
use std::any::Any;
use std::cell::OnceCell;
use std::fmt;

/// What a batch has besides records, times and hashes, about, in bytes: a good guess spares copies.
const AROUND: usize = 64;

/// A batch on its way to a worker.
#[derive(Clone)]
pub struct Parcel {
    /// The worker it goes to, where it crosses an exchange.
    pub(crate) target: u64,
    body: Body,
}

enum Body {
    /// With its encoding, once that was asked for: timely asks for its length, and then for the bytes.
    Typed(Box<dyn Payload>, OnceCell<Vec<u8>>),
    Encoded(Vec<u8>),
}

/// What a parcel needs of the batch inside.
trait Payload: Any + Send {
    fn encode(&self) -> Result<Vec<u8>, String>;
    fn duplicate(&self) -> Box<dyn Payload>;
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<T: Data> Payload for Batch<T> {
    fn encode(&self) -> Result<Vec<u8>, String> {
        let mut out = Vec::with_capacity(AROUND + self.bytes + 8 * (self.times.len() + self.hashes.len()));
        codec::encode_into(self, &mut out)?;
        Ok(out)
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
        Self { target: 0, body: Body::Typed(Box::new(batch), OnceCell::new()) }
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
            Body::Typed(payload, _) => match payload.into_any().downcast::<Batch<T>>() {
                Ok(batch) => Ok(*batch),
                Err(_) => Err(format!("a batch that is none of `{}`", std::any::type_name::<T>())),
            },
        }
    }
}

impl Clone for Body {
    fn clone(&self) -> Self {
        match self {
            Body::Typed(payload, _) => Body::Typed(payload.duplicate(), OnceCell::new()),
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
        let bytes = match &self.body {
            Body::Typed(payload, encoded) => match encoded.get() {
                Some(bytes) => bytes,
                None => {
                    let bytes = payload.encode().map_err(ser::Error::custom)?;
                    encoded.get_or_init(|| bytes)
                }
            },
            Body::Encoded(bytes) => bytes,
        };
        (self.target, Bytes::new(bytes)).serialize(s)
    }
}

impl<'de> Deserialize<'de> for Parcel {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let (target, bytes): (u64, ByteBuf) = Deserialize::deserialize(d)?;
        Ok(Self { target, body: Body::Encoded(bytes.into_vec()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parcel_is_its_target_and_one_piece_of_bytes_each_time_that_it_is_encoded() {
        let batch = Batch::from(vec![3u64, 5, 8]);
        let parcel = Parcel::to(2, batch.clone());
        let encoded = codec::encode(&parcel).unwrap();
        assert_eq!(encoded, codec::encode(&(2u64, codec::encode(&batch).unwrap())).unwrap());
        assert_eq!(encoded, codec::encode(&parcel).unwrap());
        let back: Parcel = codec::decode(&encoded).unwrap();
        assert_eq!(codec::encode(&back).unwrap(), encoded);
        assert_eq!(
            (back.target, back.open::<u64>().unwrap(), parcel.open::<u64>().unwrap()),
            (2, batch.clone(), batch)
        );
    }

    #[test]
    fn broken_bytes_are_an_error() {
        let encoded = codec::encode(&Parcel::new(Batch::from(vec![1u64]))).unwrap();
        assert!(codec::decode::<Parcel>(&encoded[..encoded.len() - 1]).is_err());
        let short = codec::encode(&(0u64, vec![1u8; 5])).unwrap();
        assert!(codec::decode::<Parcel>(&short).unwrap().open::<u64>().is_err());
    }
}
