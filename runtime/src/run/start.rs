//! How an attempt begins: process 0 claims the state and chooses the checkpoint, all others learn from it.
use super::control::{Failure, FailureKind};
use super::options::{Options, RestoreFrom};
use crate::checkpoint::{CheckpointError, Claim, Manifest, StateStore, random_id};
use crate::codec::hash_bytes;
use crate::graph::Graph;
use crate::mesh::wire::{Plan, Sameness, Session};
use crate::mesh::{Cluster, Links, Waiting, follow, gather};
use std::io::Read;
use tokio::runtime::Handle;
use xxhash_rust::xxh3::Xxh3Default;

/// What an attempt begins with.
pub(crate) struct Started {
    pub plan: Plan,
    /// In process 0.
    pub claim: Option<Claim>,
    /// Of the checkpoint that it goes on from.
    pub manifest: Option<Manifest>,
    /// To the other processes.
    pub links: Links,
}

/// What it is begun with.
pub(crate) struct Starting<'a> {
    pub options: &'a Options,
    pub store: &'a StateStore,
    pub graph: &'a Graph,
    pub restore: RestoreFrom,
    pub handle: &'a Handle,
}

impl Starting<'_> {
    pub fn start(&self) -> Result<Started, Failure> {
        match &self.options.cluster {
            None => self.handle.block_on(self.lead_alone()).map_err(refused),
            Some(cluster) if cluster.process == 0 => self.lead_all(cluster),
            Some(cluster) => self.follow(cluster),
        }
    }

    async fn lead_alone(&self) -> Result<Started, CheckpointError> {
        let claim = self.store.claim(&self.options.job).await?;
        self.lead(claim).await
    }

    async fn lead_after(&self, newest: Option<u64>) -> Result<Started, CheckpointError> {
        let claim = self.store.claim_after(&self.options.job, newest).await?;
        self.lead(claim).await
    }

    /// Claims only when all are there: a process that waits in vain fences nobody.
    fn lead_all(&self, cluster: &Cluster) -> Result<Started, Failure> {
        let newest = self.handle.block_on(self.store.newest_claim()).map_err(refused)?;
        let gathered = gather(&self.waiting(cluster)?)?;
        match self.handle.block_on(self.lead_after(newest)) {
            Ok(started) => Ok(Started { links: gathered.welcome(&started.plan)?, ..started }),
            Err(e @ CheckpointError::Fenced { .. }) => {
                let what = format!("another attempt has begun while this process waited for the others: {e}");
                gathered.refuse(&what, false);
                Err(Failure { what, kind: FailureKind::Lost })
            }
            Err(e) => {
                let failure = refused(e);
                gathered.refuse(&failure.what, failure.kind == FailureKind::Refused);
                Err(failure)
            }
        }
    }

    fn follow(&self, cluster: &Cluster) -> Result<Started, Failure> {
        let (plan, links) = follow(&self.waiting(cluster)?)?;
        let manifest = self.handle.block_on(self.manifest_of(&plan)).map_err(refused)?;
        Ok(Started { plan, claim: None, manifest, links })
    }

    fn waiting<'a>(&'a self, cluster: &'a Cluster) -> Result<Waiting<'a>, Failure> {
        let refuse = |what: String| Failure { what, kind: FailureKind::Refused };
        if let Some(host) = cluster.hosts.beyond_loopback().filter(|_| cluster.tls.is_none()) {
            return Err(refuse(format!(
                "{host} is not an address of this machine alone, and the processes of a job do not speak plain text over \
                 a network: give each --tls-certificate, --tls-key and --tls-authority"
            )));
        }
        let options = self.options;
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let arguments = format!("{} {:?}", options.args, options.drop_state);
        let sameness = Sameness {
            job: options.job.clone(),
            processes: count(cluster.hosts.len()),
            workers: count(options.workers),
            build: hash_of_program().map_err(|e| refuse(format!("the program's file cannot be read: {e}")))?,
            graph: self.graph.hash(),
            arguments: hash_bytes(arguments.as_bytes()),
        };
        Ok(Waiting { cluster, sameness, status: &options.status })
    }

    /// Chooses the checkpoint, after the claim: who claims later fences this attempt.
    async fn lead(&self, claim: Claim) -> Result<Started, CheckpointError> {
        let manifest = match self.restore {
            RestoreFrom::Latest => self.store.latest().await?,
            RestoreFrom::Number(n) => Some(self.store.load(n).await?),
            RestoreFrom::Nothing => None,
        };
        if let Some(manifest) = &manifest {
            self.check(manifest)?;
            tracing::info!("going on from checkpoint {} in {}", manifest.number, self.store.location());
        }
        let before = manifest.as_ref().map_or(i64::MIN, |m| m.processing_time_ms);
        let plan = Plan {
            session: Session { generation: claim.generation, nonce: random_id() },
            incarnation: claim.incarnation.clone(),
            first: claim.first_number,
            restore: manifest.as_ref().map(|m| m.number),
            start_now: self.options.clock.now().max(before),
            over: manifest.as_ref().is_some_and(|m| m.finished),
        };
        Ok(Started { plan, claim: Some(claim), manifest, links: vec![] })
    }

    /// The manifest that process 0 has chosen, if this process sees the same state.
    async fn manifest_of(&self, plan: &Plan) -> Result<Option<Manifest>, CheckpointError> {
        let found = self.store.identity().await?.map(|identity| identity.incarnation);
        if found.as_ref() != Some(&plan.incarnation) {
            let what = "process 0 has another state: give all processes the same --state, which all of them reach";
            return Err(CheckpointError::Location { location: self.store.location().into(), what: what.into() });
        }
        match plan.restore {
            None => Ok(None),
            Some(number) => {
                let manifest = self.store.load(number).await?;
                self.check(&manifest)?;
                Ok(Some(manifest))
            }
        }
    }

    /// What is in the checkpoint and not in the graph is lost: only if the user says so.
    fn check(&self, manifest: &Manifest) -> Result<(), CheckpointError> {
        let mut dropped = self.graph.against(manifest).dropped;
        dropped.retain(|uid| !self.options.drop_state.contains(uid));
        let Some(uid) = dropped.first().cloned() else { return Ok(()) };
        let what = format!(
            "checkpoint {} has its state, and the job has no such uid (it has {}); give the operator its uid back, or \
             drop its state with --drop-state {uid}",
            manifest.number,
            self.graph.stateful_uids().join(", "),
        );
        Err(CheckpointError::State { uid, what })
    }
}

/// Whether another attempt may help.
pub(crate) fn refused(e: CheckpointError) -> Failure {
    let kind = match e {
        CheckpointError::Store { .. } | CheckpointError::Contended { .. } => FailureKind::Broken,
        _ => FailureKind::Refused,
    };
    Failure { what: e.with_cure(), kind }
}

/// Two builds may encode alike and still differ in what they do.
fn hash_of_program() -> std::io::Result<u64> {
    let mut file = std::fs::File::open(std::env::current_exe()?)?;
    let (mut hasher, mut buffer) = (Xxh3Default::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.digest()),
            read => hasher.update(&buffer[..read]),
        }
    }
}
