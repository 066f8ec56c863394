//! A thread that asks what partitions hold, so that no worker waits for the answer.
use crate::client::{Asker, Bounds};
use crate::options::Options;
use crate::source::split::TopicPartition;
use millstream_runtime::Result;
use millstream_runtime::source::Waker;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How long the cluster may be out of reach before a question fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// One question: its answer comes by and by.
#[derive(Clone, Default)]
pub(crate) struct Answer(Arc<OnceLock<Result<Bounds, String>>>);

impl Answer {
    pub fn get(&self) -> Option<&Result<Bounds, String>> {
        self.0.get()
    }
}

struct Question {
    split: TopicPartition,
    answer: Answer,
    waker: Option<Waker>,
}

/// See the module. The thread ends after this is dropped.
pub(crate) struct BoundsThread {
    questions: Sender<Question>,
}

impl BoundsThread {
    pub fn start(options: &Options) -> Result<Self> {
        let asker = Asker::new(options, &[])?;
        let (questions, asked) = channel::<Question>(); // at most one for each open reader
        std::thread::Builder::new().name("millstream-kafka".into()).spawn(move || {
            while let Ok(Question { split, answer, waker }) = asked.recv() {
                let bounds = asker.bounds(&split.topic, split.partition, PATIENCE).map_err(|e| e.to_string());
                let _ = answer.0.set(bounds); // asked once
                if let Some(wake) = waker {
                    wake();
                }
            }
        })?;
        Ok(Self { questions })
    }

    pub fn ask(&self, split: &TopicPartition, waker: Option<Waker>) -> Answer {
        let answer = Answer::default();
        let question = Question { split: split.clone(), answer: answer.clone(), waker };
        if self.questions.send(question).is_err() {
            let _ = answer.0.set(Err("the thread that asks for offsets has died".into()));
        }
        answer
    }
}
