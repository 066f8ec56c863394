//! Values of which each process has one: a database pool, an HTTP client. Made before the first record of a run, and
//! never by a verb that only looks.
use millstream_runtime::BoxError;
use millstream_runtime::run::Status;
use std::any::{Any, TypeId, type_name};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// A handle on a shared value, for closures of operators; there is nothing in it while `build` runs.
#[derive(Clone)]
pub struct Shared<T>(Option<T>);

impl<T> Deref for Shared<T> {
    type Target = T;

    /// # Panics
    /// While `build` runs: the value may not exist yet.
    fn deref(&self) -> &T {
        self.0.as_ref().expect("a shared value is used by operators only: while `build` runs it does not exist")
    }
}

type Value = Arc<dyn Any + Send + Sync>;
type Make = Box<dyn FnOnce(&Handle, &Status) -> Result<Option<Value>, BoxError>>;

/// The values of a run, by name.
pub(crate) type Values = Arc<BTreeMap<String, Value>>;

/// What a job shares, as its build function asks for it.
#[derive(Default)]
pub(crate) struct Sharing {
    /// None while the graph is only looked at, or drawn to learn what is to be made.
    values: Option<Values>,
    makers: RefCell<BTreeMap<String, Maker>>,
    mistakes: RefCell<Vec<String>>,
}

struct Maker {
    of: TypeId,
    type_name: &'static str,
    make: Make,
}

/// How the making of values ended.
pub(crate) enum Made {
    /// They are there.
    All(Values),
    /// The job was asked to stop meanwhile.
    Stopped,
}

impl Sharing {
    /// Of a worker's draw: the values are there.
    pub fn of(values: Values) -> Self {
        Self { values: Some(values), ..Self::default() }
    }

    pub fn mistakes(&self) -> Vec<String> {
        self.mistakes.borrow().clone()
    }

    #[track_caller]
    pub fn get<T: Clone + Send + Sync + 'static, E: Into<BoxError>>(
        &self,
        name: &str,
        make: impl AsyncFnOnce() -> Result<T, E> + Send + 'static,
    ) -> Shared<T> {
        match &self.values {
            None => {
                self.note::<T>(name, boxed(make));
                Shared(None)
            }
            Some(values) => {
                let value = values.get(name).and_then(|v| v.downcast_ref::<T>());
                if value.is_none() {
                    let what = format!("shared value {name:?} was not asked for when the graph was drawn first");
                    self.mistake(what, "draw the same graph each time");
                }
                Shared(value.cloned())
            }
        }
    }

    #[track_caller]
    fn note<T: 'static>(&self, name: &str, make: Make) {
        let (of, type_name) = (TypeId::of::<T>(), type_name::<T>());
        let mut makers = self.makers.borrow_mut();
        match makers.get(name) {
            Some(first) if first.of != of => {
                let what = format!("shared value {name:?} is a {} and a {type_name}", first.type_name);
                self.mistake(what, "give each its own name");
            }
            Some(_) => {}
            None => drop(makers.insert(name.into(), Maker { of, type_name, make })),
        }
    }

    #[track_caller]
    fn mistake(&self, what: String, help: &str) {
        self.mistakes.borrow_mut().push(format!("{what}\n  --> {}\n  help: {help}", Location::caller()));
    }

    /// Whether anything is to be made.
    pub fn is_empty(&self) -> bool {
        self.makers.borrow().is_empty()
    }

    /// Makes every value, one after the other; says which one could not be made.
    pub fn make(self, tokio: &Handle, status: &Status) -> Result<Made, String> {
        let mut values = BTreeMap::new();
        for (name, maker) in self.makers.into_inner() {
            match (maker.make)(tokio, status) {
                Ok(Some(value)) => drop(values.insert(name, value)),
                Ok(None) => return Ok(Made::Stopped),
                Err(e) => return Err(format!("shared value {name:?} cannot be made: {e}")),
            }
        }
        Ok(Made::All(Arc::new(values)))
    }
}

fn boxed<T: Send + Sync + 'static, E: Into<BoxError>>(
    make: impl AsyncFnOnce() -> Result<T, E> + Send + 'static,
) -> Make {
    Box::new(move |tokio, status| {
        tokio.block_on(async {
            tokio::select! {
                made = make() => made.map(|value| Some(Arc::new(value) as Value)).map_err(Into::into),
                () = stopping(status) => Ok(None),
            }
        })
    })
}

/// Resolves when the run is asked to stop.
async fn stopping(status: &Status) {
    while !status.is_stopping() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
