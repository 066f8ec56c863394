//! What is to be sent to other processes: handed to their couriers, so that nobody else ever waits for a network.
use super::wire::{self, Message};
use crate::run::control::FailureKind;
use std::sync::mpsc::Sender;

/// Texts in messages are cut to so many bytes.
const TEXT_MAX: usize = 64 << 10;

/// What a courier is to do.
#[derive(Debug)]
pub(crate) enum Post {
    /// Send an encoded message.
    Message(Vec<u8>),
    /// Send that nothing follows.
    End,
    /// Close the connection.
    Close,
}

/// To all other processes, or to process 0. The queues are bounded by one checkpoint in flight.
#[derive(Clone, Default)]
pub(crate) struct Outbox(Vec<Option<Sender<Post>>>);

impl Outbox {
    /// By process; none for this one.
    pub fn new(couriers: Vec<Option<Sender<Post>>>) -> Self {
        Self(couriers)
    }

    /// Whether there is no other process.
    pub fn is_alone(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this is process 0.
    pub fn leads(&self) -> bool {
        self.0.first().is_none_or(Option::is_none)
    }

    pub fn to_all(&self, message: &Message) {
        self.post(self.0.iter().flatten(), message);
    }

    /// Nowhere in process 0.
    pub fn to_leader(&self, message: &Message) {
        self.post(self.0.first().into_iter().flatten(), message);
    }

    /// Tells all that the attempt has failed here, and closes the connections after it.
    pub fn fail(&self, what: &str, kind: FailureKind) {
        let mut what = what.to_string();
        what.truncate(what.floor_char_boundary(TEXT_MAX));
        self.to_all(&Message::Failed { what, kind });
        self.0.iter().flatten().for_each(|to| drop(to.send(Post::Close))); // a courier that is gone has closed it
    }

    fn post<'a>(&self, couriers: impl Iterator<Item = &'a Sender<Post>>, message: &Message) {
        match wire::message(message) {
            Ok(bytes) => couriers.for_each(|to| drop(to.send(Post::Message(bytes.clone())))), // gone: the link is, too
            Err(e) => tracing::error!("{e}: {message:?}"),
        }
    }
}
