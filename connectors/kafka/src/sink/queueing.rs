//! The thread on which the lanes of a worker queue their records, one lane after the other.
//!
//! All at once they would push each other's records out of the processor's cache. And librdkafka takes the memory of each
//! record from the queueing thread's own: on ever other threads that would be ever other memory.
use millstream_runtime::Result;
use std::sync::mpsc::{self, Sender};

type Work = Box<dyn FnOnce() + Send>;

/// See the module. The thread ends with this.
pub(crate) struct Queueing(Sender<Work>);

impl Queueing {
    /// # Errors
    /// Where no thread can be had.
    pub fn start() -> Result<Self> {
        let (give, take) = mpsc::channel::<Work>();
        let work = move || take.into_iter().for_each(|work| work());
        std::thread::Builder::new().name("millstream-lanes".into()).spawn(work)?;
        Ok(Self(give))
    }

    /// Does it when it is its turn, and waits for that. A lane gives its turn back within the patience of a send, also where
    /// the broker is away.
    ///
    /// # Errors
    /// Where the work panicked.
    pub fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let (give, take) = mpsc::sync_channel(1);
        // Nobody waits any more where the attempt has ended.
        let sent = self.0.send(Box::new(move || drop(give.send(work()))));
        let done = sent.ok().and_then(|()| take.recv().ok());
        done.ok_or_else(|| "the thread that queues records has died".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_on_one_thread_and_its_results_come_back() {
        let queueing = Queueing::start().unwrap();
        let threads = [0; 3].map(|_| queueing.run(|| std::thread::current().id()).unwrap());
        assert!(threads.iter().all(|id| *id == threads[0] && *id != std::thread::current().id()), "{threads:?}");
    }

    #[test]
    fn a_panic_is_an_error_for_who_waits() {
        let queueing = Queueing::start().unwrap();
        assert!(queueing.run(|| panic!("on purpose")).is_err());
        assert!(queueing.run(|| ()).is_err());
    }
}
