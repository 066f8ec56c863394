//! A blocking reader on a thread of its own, behind a bounded queue.
use crate::Result;
use crate::source::{Batch, Progress, Reader, Waker};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, OnceLock};

/// How many batches wait between the thread and the worker.
const QUEUE: usize = 4;

/// A reader whose `read` may block: it runs on a thread of its own, at most four batches ahead.
/// The thread ends with its reader's next return after this is dropped.
pub struct Threaded<R: Reader> {
    batches: Receiver<Result<Read<R>>>,
    offset: R::Offset,
    waker: Arc<OnceLock<Waker>>,
    ended: bool,
}

struct Read<R: Reader> {
    batch: Batch<R::Item>,
    offset: R::Offset,
    ended: bool,
}

impl<R: Reader + Send> Threaded<R> {
    /// Gives the reader its thread. Where the system has none left, the first read says so.
    pub fn new(reader: R) -> Self {
        let (send, batches) = sync_channel(QUEUE);
        let (offset, waker) = (reader.offset(), Arc::<OnceLock<Waker>>::default());
        let wakes = Arc::clone(&waker);
        let thread = std::thread::Builder::new().name("millstream-reader".into());
        if let Err(e) = thread.spawn(move || pump(reader, &send, &wakes)) {
            tracing::error!("no thread for a reader: {e}");
        }
        Self { batches, offset, waker, ended: false }
    }
}

/// Reads until the end, an error, or nobody listens.
fn pump<R: Reader>(mut reader: R, send: &SyncSender<Result<Read<R>>>, waker: &OnceLock<Waker>) {
    loop {
        let mut batch = Batch::default();
        let read = reader.read(&mut batch);
        let last = !matches!(read, Ok(Progress::More | Progress::Idle | Progress::Waiting));
        let read = read.map(|p| Read { batch, offset: reader.offset(), ended: p == Progress::Ended });
        if send.send(read).is_err() {
            return;
        }
        if let Some(wake) = waker.get() {
            wake();
        }
        if last {
            return;
        }
    }
}

impl<R: Reader> Reader for Threaded<R> {
    type Item = R::Item;
    type Offset = R::Offset;

    fn read(&mut self, batch: &mut Batch<R::Item>) -> Result<Progress> {
        while !batch.is_full() && !self.ended {
            match self.batches.try_recv() {
                Ok(read) => {
                    let mut read = read?;
                    let bytes = read.batch.bytes();
                    batch.bytes += bytes;
                    batch.records.extend(read.batch.drain());
                    self.offset = read.offset;
                    self.ended = read.ended;
                }
                Err(TryRecvError::Empty) => return Ok(Progress::Idle),
                Err(TryRecvError::Disconnected) => {
                    return Err("the reader's thread has died, or could not be started".into());
                }
            }
        }
        Ok(if self.ended { Progress::Ended } else { Progress::More })
    }

    fn offset(&self) -> R::Offset {
        self.offset.clone()
    }

    fn wake_by(&mut self, waker: Waker) {
        let _ = self.waker.set(waker);
    }
}
