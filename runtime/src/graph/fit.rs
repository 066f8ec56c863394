//! Whether the state of a checkpoint fits the operators of a graph, judged before any of it is loaded: by `check` and
//! `plan`, and by each run.
use super::node::{Build, Graph, OperatorInit};
use super::plan::Against;
use crate::Result;
use crate::checkpoint::{Manifest, OperatorInfo};
use crate::data::StoredSchema;
use crate::state::StateBackend;
use crate::time::Timestamp;

/// What a restore makes of one operator's state.
enum Fit {
    Keeps,
    /// What becomes of it.
    Migrates(String),
    /// Why not.
    Refuses(String),
}

impl Graph {
    /// What a restore would make of each operator's state, schemas and windows included: operators are made as a run
    /// makes them, but with no entries. They are taken out of the graph, so draw another one for anything else. Where
    /// something may ask for tokio's runtime, call it inside one.
    pub fn fit(&self, checkpoint: &Manifest, drop_state: &[String]) -> Against {
        let mut against = self.against(checkpoint);
        let mut kept = vec![];
        for uid in std::mem::take(&mut against.kept) {
            let Some(stored) = checkpoint.operators.iter().find(|o| o.uid == uid) else { continue };
            match self.fit_one(stored, checkpoint, drop_state.contains(&uid)) {
                Fit::Keeps => kept.push(uid),
                Fit::Migrates(what) => against.migrated.push((uid, what)),
                Fit::Refuses(why) => against.refused.push((uid, why)),
            }
        }
        Against { kept, ..against }
    }

    fn fit_one(&self, stored: &OperatorInfo, checkpoint: &Manifest, may_drop: bool) -> Fit {
        let is_it = |uid: &Option<String>| uid.as_ref() == Some(&stored.uid);
        let build = self.nodes.borrow_mut().iter_mut().find(|node| is_it(&node.uid)).and_then(|node| node.build.take());
        let init = OperatorInit {
            uid: &stored.uid,
            worker: 0,
            workers: 1,
            watermark: Timestamp::MIN,
            now: Timestamp::MIN,
            info: Some(stored),
            restored: None,
            first: checkpoint.number + 1,
            may_drop,
            state_backend: &StateBackend::Memory,
        };
        match build.map_or(Ok(None), |build| made(build, &init)) {
            Err(e) => Fit::Refuses(e.to_string()),
            Ok(None) => Fit::Keeps,
            Ok(Some(now)) => judge(stored, &now),
        }
    }
}

/// What the operator would tell the next checkpoint.
fn made(build: Build, init: &OperatorInit<'_>) -> Result<Option<OperatorInfo>> {
    Ok(match build {
        Build::Source(source) => Some(source.info(init.uid)),
        Build::Sink(sink) => Some(sink.info(init.uid)),
        Build::Operator(operator) => Some((operator.make)(init)?.info()),
        Build::Delaying(operator) => Some((operator.make)(init)?.info()),
        Build::Stage(..) | Build::Pass | Build::Native(_) | Build::Loop | Build::Again | Build::Leave => None,
    })
}

fn judge(stored: &OperatorInfo, now: &OperatorInfo) -> Fit {
    let changes = match (&stored.state, &now.state) {
        (Some(was), Some(is)) => was.changes(is),
        _ => vec![],
    };
    match accepts(stored, now) {
        Err(why) => Fit::Refuses(why),
        Ok(()) if changes.is_empty() => Fit::Keeps,
        Ok(()) => Fit::Migrates(changes.join(", ")),
    }
}

/// Whether what a checkpoint has for a uid is of such an operator: a source, a sink, or one with keyed state; and of
/// these splits, offsets and committables. Keyed state judges itself.
///
/// # Errors
/// Says what was stored, what is there now, and what to do.
pub(crate) fn accepts(stored: &OperatorInfo, now: &OperatorInfo) -> Result<(), String> {
    let (uid, was, is) = (&now.uid, part(stored), part(now));
    if was != is {
        let (was, is) = (&stored.kind, &now.kind);
        return Err(format!("{uid:?} was a {was} when the checkpoint was taken and is a {is} now; {}", cure(uid)));
    }
    let pairs = match (&stored.splits, &now.splits, &stored.staged, &now.staged) {
        (Some([split, offset]), Some([split_now, offset_now]), ..) => {
            vec![("splits", split, split_now), ("offsets", offset, offset_now)]
        }
        (_, _, Some(was), Some(is)) => vec![("staged output", was, is)],
        _ => vec![],
    };
    match pairs.into_iter().find(|(_, was, is)| was.fingerprint != is.fingerprint) {
        Some((what, was, is)) => {
            let (kind, was, is) = (&now.kind, shown(was), shown(is));
            Err(format!("{kind} {uid:?}: the checkpoint has {what} of type {was}, and now it is {is}; {}", cure(uid)))
        }
        None => Ok(()),
    }
}

/// What an operator has in a checkpoint.
#[derive(PartialEq)]
enum Part {
    Splits,
    Staged,
    Other,
}

fn part(info: &OperatorInfo) -> Part {
    match (info.kind.as_str(), &info.staged) {
        ("source", _) => Part::Splits,
        (_, Some(_)) => Part::Staged,
        _ => Part::Other,
    }
}

fn shown(schema: &StoredSchema) -> String {
    format!("`{}` version {} {}", schema.name, schema.version, schema.definition)
}

fn cure(uid: &str) -> String {
    format!("give what is new another uid, and drop what was stored with --drop-state {uid}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::State;

    fn source<S: State, O: State>() -> OperatorInfo {
        OperatorInfo { splits: Some([S::SCHEMA.stored(), O::SCHEMA.stored()]), ..OperatorInfo::new("in", "source") }
    }

    fn sink<S: State>() -> OperatorInfo {
        OperatorInfo { staged: Some(S::SCHEMA.stored()), ..OperatorInfo::new("in", "sink") }
    }

    #[test]
    fn another_kind_of_operator_or_position_is_refused() {
        let refused = [
            (
                source::<u64, u64>(),
                sink::<u64>(),
                "\"in\" was a source when the checkpoint was taken and is a sink now",
            ),
            (source::<u64, u64>(), source::<String, u64>(), "the checkpoint has splits of type `u64` version 1"),
            (
                source::<u64, u64>(),
                source::<u64, i64>(),
                "the checkpoint has offsets of type `u64` version 1 u64, and now it is `i64`",
            ),
            (sink::<u64>(), sink::<i64>(), "sink \"in\": the checkpoint has staged output of type `u64`"),
            (sink::<u64>(), OperatorInfo::new("in", "process"), "is a process now"),
        ];
        for (stored, now, words) in refused {
            let why = accepts(&stored, &now).expect_err(words);
            assert!(why.contains(words) && why.contains("--drop-state in"), "{why}");
        }
        let older = OperatorInfo::new("in", "source");
        for (stored, now) in [(source::<u64, u64>(), source::<u64, u64>()), (older, source::<u64, u64>())] {
            assert_eq!(accepts(&stored, &now), Ok(()), "what was not noted is not judged");
        }
    }
}
