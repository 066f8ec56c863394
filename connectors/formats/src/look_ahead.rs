//! Formats that need something of the outside before they can decode, such as a schema: the source waits for it, so that
//! no worker does.
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::data::Bytes;
use millstream_runtime::source::{OffsetOf, Progress, Reader, Received, Source, Splits, Waker};
use std::sync::Arc;
use std::task::Poll;

/// What must be there before a record can be decoded.
pub trait LookAhead: Send + Sync + 'static {
    /// Whether all is there that decoding these bytes needs; begins to fetch it where it is not. Never blocks, and is asked
    /// again. What the outside does not know counts as there: the decoder says so of the record.
    ///
    /// # Errors
    /// Where the outside cannot be asked: stops the attempt, which the restart policy may repeat.
    fn poll_ready(&self, record: &[u8]) -> Poll<Result<()>>;
}

/// A source that hands on a record when all is there that decoding it needs. Until then its split waits, and holds the
/// watermark back; the others go on.
pub struct Ahead<S> {
    source: S,
    look: Option<Arc<dyn LookAhead>>,
}

impl<S: Source> Ahead<S>
where
    S::Reader: Reader<Item = Received<Bytes>>,
{
    /// Without something to wait for it is the source itself.
    pub fn new(source: S, look: Option<Arc<dyn LookAhead>>) -> Self {
        Self { source, look }
    }
}

impl<S: Source> Source for Ahead<S>
where
    S::Reader: Reader<Item = Received<Bytes>>,
{
    type Split = S::Split;
    type Reader = AheadReader<S::Reader>;

    fn splits(&mut self) -> Result<Splits<Self::Split>> {
        self.source.splits()
    }

    fn start(&mut self, split: &Self::Split, first: bool) -> Result<Option<OffsetOf<Self>>> {
        self.source.start(split, first)
    }

    fn open(&self, split: &Self::Split, from: Option<OffsetOf<Self>>) -> Result<Self::Reader> {
        Ok(AheadReader { reader: self.source.open(split, from)?, look: self.look.clone(), held: None })
    }

    fn replayable(&self) -> bool {
        self.source.replayable()
    }
}

/// Reads one split of [`Ahead`].
pub struct AheadReader<R: Reader> {
    reader: R,
    look: Option<Arc<dyn LookAhead>>,
    held: Option<Held<R>>,
}

/// What was read and cannot leave yet.
struct Held<R: Reader> {
    batch: Batch<R::Item>,
    /// So many of its records are known to be ready.
    ready: usize,
    /// Before its first record: what a checkpoint must say.
    before: R::Offset,
    /// What the read came to.
    progress: Progress,
}

impl<R: Reader<Item = Received<Bytes>>> Held<R> {
    /// Stops at the first record that is not ready, so that a split asks for one thing at a time.
    fn is_ready(&mut self, look: &dyn LookAhead) -> Result<bool> {
        for record in self.batch.iter().skip(self.ready) {
            if look.poll_ready(&record.value)?.is_pending() {
                return Ok(false);
            }
            self.ready += 1;
        }
        Ok(true)
    }
}

impl<R: Reader<Item = Received<Bytes>>> Reader for AheadReader<R> {
    type Item = R::Item;
    type Offset = R::Offset;

    fn read(&mut self, batch: &mut Batch<Self::Item>) -> Result<Progress> {
        let Some(look) = &self.look else { return self.reader.read(batch) };
        let mut held = match self.held.take() {
            Some(held) => held,
            None => {
                let (before, mut batch) = (self.reader.offset(), Batch::default());
                let progress = self.reader.read(&mut batch)?;
                Held { batch, ready: 0, before, progress }
            }
        };
        if !held.is_ready(&**look)? {
            self.held = Some(held);
            return Ok(Progress::Waiting);
        }
        for record in held.batch.drain() {
            let weight = record.value.len() + size_of::<Self::Item>();
            batch.push_sized(record, weight);
        }
        Ok(held.progress)
    }

    fn offset(&self) -> Self::Offset {
        match &self.held {
            Some(held) => held.before.clone(),
            None => self.reader.offset(),
        }
    }

    fn wake_by(&mut self, waker: Waker) {
        self.reader.wake_by(waker);
    }
}
