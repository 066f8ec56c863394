//! The contents of an incremental collection: how often each record is in it. `millstream-collections` stands on it.
use crate::Stream;
use crate::exchange::Dealer;
use crate::process::build_of;
use crate::store::{Columned, Store};
use millstream_runtime::Result;
use millstream_runtime::batch::{Batch, FULL_RECORDS, Parts};
use millstream_runtime::checkpoint::{OperatorInfo, Section};
use millstream_runtime::codec::KeyHasher;
use millstream_runtime::data::{Data, Key};
use millstream_runtime::graph::{At, OperatorBuild, OperatorInit, Rule};
use millstream_runtime::logic::{Logic, More, Turn};
use millstream_runtime::parcel::Parcel;
use millstream_runtime::stage::{Next, Outputs, Stage, StageInit};
use millstream_runtime::state::{Column, KeyedState, Slot, StateSpace, Value};
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;
use std::task::{Context, Poll};

/// So many records are looked up at once.
const CHUNK: usize = 128;

/// What follows the contents is told, on the same worker: records with how much more often they are there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Feed<D> {
    /// A part of what the checkpoint has.
    Restored(Vec<(D, i64)>),
    /// That was all of it. Once for each worker, before the first change.
    Whole,
    /// What has changed since.
    Changed(Vec<(D, i64)>),
}

impl<T: Data> Stream<T> {
    /// Keeps how often each record is there, and tells it after a restore.
    #[track_caller]
    pub fn contents<D: Key>(self, uid: &str, read: impl FnMut(T) -> (D, i64) + 'static) -> Stream<Feed<D>> {
        let name = uid.to_string();
        let dealt = self.at.stage("exchange", Rule::Keeps, move |init| Weigh::boxed(&name, read, init));
        let make = |init: &OperatorInit<'_>| Ok(Box::new(ContentsLogic::<D>::open(init)?) as Box<dyn Logic>);
        // Ticks: the first one is when a worker tells what it has, even where no record comes.
        let build = OperatorBuild { event_time: false, ..build_of(make) };
        self.behind(dealt.operator("to_collection", uid, Rule::Mixes, build))
    }
}

impl<T> Stream<T> {
    /// Its place in the graph.
    pub fn at(&self) -> &At {
        &self.at
    }

    /// The stream at another place of the same graph, of what the caller knows to be there.
    pub fn moved<U>(&self, at: At) -> Stream<U> {
        self.behind(at)
    }
}

/// Reads what each record stands for, and deals that out by its hash.
struct Weigh<T, D, F> {
    read: F,
    hasher: KeyHasher,
    dealer: Dealer<(D, i64)>,
    of: PhantomData<fn(T)>,
}

impl<T: Data, D: Key, F: FnMut(T) -> (D, i64) + 'static> Weigh<T, D, F> {
    fn boxed(uid: &str, read: F, mut init: StageInit) -> Next {
        let dealer = Dealer::new(uid, init.workers, init.next(0));
        Box::new(Self { read, hasher: KeyHasher::default(), dealer, of: PhantomData })
    }
}

impl<T: Data, D: Key, F: FnMut(T) -> (D, i64) + 'static> Stage for Weigh<T, D, F> {
    fn push(&mut self, batch: Parcel, out: &mut Outputs) -> Result<()> {
        let batch: Batch<T> = batch.open()?;
        let Parts { records, bytes, .. } = batch.into_parts();
        let records: Vec<(D, i64)> = records.into_iter().map(&mut self.read).collect();
        let hashes = records.iter().map(|(record, _)| self.hasher.hash(record)).collect();
        self.dealer.deal(Parts { records, times: vec![], hashes, split: None, bytes }.into(), out)
    }

    fn flush(&mut self, out: &mut Outputs) -> Result<()> {
        self.dealer.flush(out)
    }
}

/// How often each record is there. Less than never, where a deletion comes before what it deletes.
struct Weights(Value<i64>);

impl Weights {
    fn add(&mut self, by: i64) -> Result<()> {
        let weight = self.0.dirty();
        *weight = weight
            .checked_add(by)
            .ok_or("the weight of a record is beyond 64 bits: what weights do its changes have?")?;
        if *weight == 0 {
            self.0.clear();
        }
        Ok(())
    }
}

impl Columned for Weights {
    fn columns(&mut self) -> Vec<&mut dyn Column> {
        self.0.columns()
    }
}

struct ContentsLogic<D: Key> {
    store: Store<D>,
    weights: Weights,
    slots: Vec<Slot>,
    has_told: bool,
}

impl<D: Key> ContentsLogic<D> {
    fn open(init: &OperatorInit<'_>) -> Result<Self> {
        // What is computed from the contents needs all of them in memory, and [`ContentsLogic::tell`] at once.
        let mut store = Store::in_memory(init, "to_collection");
        let mut weights = Weights(Value::open(&mut StateSpace::new(store.cursor())));
        store.restore(init, &mut weights)?;
        Ok(Self { store, weights, slots: vec![], has_told: false })
    }

    /// Once, before anything changes: what the checkpoint has.
    fn tell(&mut self, turn: &mut Turn<'_>) -> Result<()> {
        if std::mem::replace(&mut self.has_told, true) {
            return Ok(());
        }
        let (mut parts, mut part) = (vec![], vec![]);
        self.store.for_each(&mut self.weights, |weights, _slot, record| {
            part.push((record.clone(), weights.0.get().copied().unwrap_or_default()));
            if part.len() >= FULL_RECORDS {
                parts.push(std::mem::take(&mut part));
            }
        })?;
        parts.push(part);
        parts.into_iter().try_for_each(|part| emit(Feed::Restored(part), turn))?;
        emit(Feed::<D>::Whole, turn)
    }

    fn change(&mut self, changes: &[(D, i64)], hashes: &[u64]) -> Result<()> {
        for (changes, hashes) in changes.chunks(CHUNK).zip(hashes.chunks(CHUNK)) {
            self.slots.clear();
            self.store.resolve(hashes, |i| &changes[i].0, &mut self.slots);
            self.store.fetch(&self.slots, &mut self.weights)?;
            for (slot, (_, by)) in self.slots.iter().zip(changes) {
                self.store.enter(*slot);
                self.weights.add(*by)?;
            }
        }
        self.store.settle(&mut self.weights)
    }
}

fn emit<D: Data>(feed: Feed<D>, turn: &mut Turn<'_>) -> Result<()> {
    turn.emit(Parcel::new(Batch::from(vec![feed])))
}

impl<D: Key> Logic for ContentsLogic<D> {
    fn on_batch(&mut self, _port: usize, batch: Parcel, turn: &mut Turn<'_>) -> Result<()> {
        self.tell(turn)?;
        let Parts { records, hashes, .. } = batch.open::<(D, i64)>()?.into_parts();
        self.change(&records, &hashes)?;
        emit(Feed::Changed(records), turn)
    }

    fn on_time(&mut self, turn: &mut Turn<'_>) -> Result<More> {
        self.tell(turn)?;
        Ok(More::No)
    }

    fn freeze(&mut self, _n: u64) -> Result<()> {
        self.store.freeze(&mut self.weights)
    }

    fn poll_snapshot(&mut self, task: &mut Context<'_>, hurry: bool) -> Poll<Result<Vec<Section>>> {
        self.store.poll_snapshot(task, hurry, &mut self.weights)
    }

    fn info(&mut self) -> OperatorInfo {
        self.store.info(&mut self.weights)
    }
}
