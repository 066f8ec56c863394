//! A store in memory that fails when told to.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use futures::stream::BoxStream;
use millstream_runtime::run::mix;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result,
};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What happens to a put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is done, and reported as failed.
    LoseAnswer,
    /// It is not done.
    Fail,
    /// It is not done, because the disk did not take it.
    FailSync,
}

/// Each fault and each interruption happens once, at the first put whose name begins so.
#[derive(Default)]
pub(crate) struct Faulty {
    inner: InMemory,
    faults: Mutex<VecDeque<(&'static str, Fault)>>,
    no_deletes: AtomicBool,
    before: Mutex<Option<(&'static str, Boxed<'static, ()>)>>,
    chance: Mutex<Chance>,
}

/// Faults at random: one in so many requests; none for 0.
#[derive(Default)]
struct Chance {
    one_in: u64,
    seed: u64,
    faults: u64,
}

impl Chance {
    fn draw(&mut self) -> Option<Fault> {
        self.seed = mix(self.seed.wrapping_add(1));
        let is_fault = self.one_in > 0 && self.seed.is_multiple_of(self.one_in);
        self.faults += u64::from(is_fault);
        is_fault.then(|| if (self.seed >> 40).is_multiple_of(2) { Fault::LoseAnswer } else { Fault::Fail })
    }
}

impl Faulty {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn put_fault(&self, prefix: &'static str, fault: Fault) {
        self.faults.lock().unwrap().push_back((prefix, fault));
    }

    /// Runs `act` before the next put whose name begins with `prefix`.
    pub(crate) fn before(&self, prefix: &'static str, act: impl Future<Output = ()> + Send + 'static) {
        *self.before.lock().unwrap() = Some((prefix, Box::pin(act)));
    }

    /// From now on one in so many requests fails, at random; none for 0.
    pub(crate) fn fail_one_in(&self, one_in: u64, seed: u64) {
        let mut chance = self.chance.lock().unwrap();
        (chance.one_in, chance.seed) = (one_in, seed);
    }

    /// How many requests failed at random.
    pub(crate) fn faults(&self) -> u64 {
        self.chance.lock().unwrap().faults
    }

    /// From now on, or no longer.
    pub(crate) fn refuse_deletes(&self, refuse: bool) {
        self.no_deletes.store(refuse, SeqCst);
    }

    fn take_fault(&self, path: &Path) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let planned = faults.iter().position(|(prefix, _)| path.as_ref().starts_with(prefix));
        match planned {
            Some(at) => faults.remove(at).map(|(_, fault)| fault),
            None => self.chance.lock().unwrap().draw(),
        }
    }

    fn fails(&self) -> Result<()> {
        self.chance.lock().unwrap().draw().map_or(Ok(()), |_| Err(error("the network is down")))
    }

    async fn put(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let act = self.before.lock().unwrap().take_if(|(prefix, _)| path.as_ref().starts_with(*prefix));
        if let Some((_, act)) = act {
            act.await;
        }
        match self.take_fault(path) {
            None => self.inner.put_opts(path, payload, options).await,
            Some(Fault::LoseAnswer) => {
                self.inner.put_opts(path, payload, options).await?;
                Err(error("the connection broke"))
            }
            Some(Fault::Fail) => Err(error("the network is down")),
            Some(Fault::FailSync) => Err(error("Unable to sync data to disk for it: I/O error")),
        }
    }
}

fn error(text: &str) -> object_store::Error {
    object_store::Error::Generic { store: "Faulty", source: text.into() }
}

impl std::fmt::Debug for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Faulty")
    }
}

impl std::fmt::Display for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Faulty")
    }
}

/// What `async_trait` would write: this crate does not depend on it.
impl ObjectStore for Faulty {
    fn put_opts<'s, 'l, 'a>(
        &'s self,
        location: &'l Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Boxed<'a, Result<PutResult>>
    where
        's: 'a,
        'l: 'a,
        Self: 'a,
    {
        Box::pin(self.put(location, payload, opts))
    }

    fn put_multipart_opts<'s, 'l, 'a>(
        &'s self,
        location: &'l Path,
        opts: PutMultipartOptions,
    ) -> Boxed<'a, Result<Box<dyn MultipartUpload>>>
    where
        's: 'a,
        'l: 'a,
        Self: 'a,
    {
        self.inner.put_multipart_opts(location, opts)
    }

    fn get_opts<'s, 'l, 'a>(&'s self, location: &'l Path, options: GetOptions) -> Boxed<'a, Result<GetResult>>
    where
        's: 'a,
        'l: 'a,
        Self: 'a,
    {
        Box::pin(async move {
            self.fails()?;
            self.inner.get_opts(location, options).await
        })
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        if self.no_deletes.load(SeqCst) {
            let error = || object_store::Error::Generic { store: "Faulty", source: "the network is down".into() };
            return locations.map(move |_| Err(error())).boxed();
        }
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.fails() {
            Ok(()) => self.inner.list(prefix),
            Err(e) => Box::pin(futures::stream::iter([Err(e)])),
        }
    }

    fn list_with_delimiter<'s, 'l, 'a>(&'s self, prefix: Option<&'l Path>) -> Boxed<'a, Result<ListResult>>
    where
        's: 'a,
        'l: 'a,
        Self: 'a,
    {
        self.inner.list_with_delimiter(prefix)
    }

    fn copy_opts<'s, 'f, 't, 'a>(&'s self, from: &'f Path, to: &'t Path, options: CopyOptions) -> Boxed<'a, Result<()>>
    where
        's: 'a,
        'f: 'a,
        't: 'a,
        Self: 'a,
    {
        self.inner.copy_opts(from, to, options)
    }
}
