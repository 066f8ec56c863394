//! A thread for each link: sends messages and, where there is none, heartbeats.
use super::link::{Ended, Link, LinkStream, Links};
use super::outbox::{Outbox, Post};
use super::wire::{Kind, Message};
use crate::run::ears::Ears;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// A process is heard so often, also when it has nothing to say.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// The queue of each link.
pub(crate) struct Posts(Vec<Option<(Sender<Post>, Receiver<Post>)>>);

impl Posts {
    pub fn new(links: &Links) -> (Outbox, Self) {
        let posts: Vec<_> = links.iter().map(|link| link.as_ref().map(|_| channel())).collect();
        let senders = posts.iter().map(|post| post.as_ref().map(|(to, _)| to.clone())).collect();
        (Outbox::new(senders), Self(posts))
    }

    /// Starts the couriers; gives the links as timely takes them.
    ///
    /// # Errors
    /// Where a thread cannot be had.
    pub fn start(self, links: &Links, ears: &Arc<Ears>) -> io::Result<(Vec<Option<LinkStream>>, Ended)> {
        let (alive, ended) = channel();
        let mut streams = vec![];
        for (link, post) in links.iter().zip(self.0) {
            let (Some(link), Some((to, posts))) = (link, post) else {
                streams.push(None);
                continue;
            };
            let courier = Courier { link: Arc::clone(link), ears: Arc::clone(ears), told_to_stop: false };
            let kept = alive.clone();
            std::thread::Builder::new().name(format!("millstream-to-{}", link.peer)).spawn(move || {
                courier.run(&posts);
                drop(kept);
            })?;
            let (link, ears) = (Arc::clone(link), Arc::clone(ears));
            streams.push(Some(LinkStream { link, ears, courier: to, alive: alive.clone() }));
        }
        Ok((streams, ended))
    }
}

struct Courier {
    link: Arc<Link>,
    ears: Arc<Ears>,
    told_to_stop: bool,
}

impl Courier {
    fn run(mut self, posts: &Receiver<Post>) {
        loop {
            let sent = match posts.recv_timeout(HEARTBEAT) {
                Ok(Post::Message(bytes)) => self.link.send(Kind::Message, &bytes),
                Ok(Post::End) => {
                    let _ = self.link.send(Kind::End, &[]); // who is gone by now does not matter
                    return;
                }
                Ok(Post::Close) | Err(RecvTimeoutError::Disconnected) => return self.link.close(),
                Err(RecvTimeoutError::Timeout) => self.beat(),
            };
            if let Err(why) = sent {
                self.link.close();
                return self.ears.fail(why);
            }
        }
    }

    /// A signal may reach any process; it is process 0 that stops the run.
    fn beat(&mut self) -> Result<(), String> {
        if self.link.peer == 0 && !self.told_to_stop && self.ears.is_stopping() {
            self.told_to_stop = true;
            return self.link.send(Kind::Message, &super::wire::message(&Message::Stop)?);
        }
        self.link.send(Kind::Heartbeat, &[])
    }
}
