//! Several processes as one job: how they find each other, what they say, and the connections on which timely's bytes and
//! the words of checkpoints travel.
//!
//! Every pair of processes has one connection. The process with the higher number connects; both say who they are before
//! anything else ([`wire`]). Process 0 decides for all what an attempt goes on from. A process that is lost, or silent for
//! too long, ends the attempt everywhere: all are started again under a new generation.

mod courier;
mod greet;
mod hosts;
mod join;
mod link;
mod network;
mod outbox;
mod tls;
mod transport;
pub(crate) mod wire;

pub(crate) use courier::Posts;
pub use hosts::{Cluster, Hosts};
pub(crate) use join::{Waiting, follow, gather};
pub(crate) use link::Links;
pub(crate) use network::{Network, wait_for};
pub(crate) use outbox::Outbox;
pub use tls::Tls;
