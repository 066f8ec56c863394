//! The derives `State` and `KeyedState`.
