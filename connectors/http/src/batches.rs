//! Several records in one call: what is asked for at the same time goes out together.
use crate::client::Function;
use crate::contract::{Answer, Asked, MOST_BYTES};
use millstream_runtime::data::Bytes;
use millstream_runtime::time::Timestamp;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

/// So many bytes of records go into a request, which has them in base64, with a head for each.
const BATCH_BYTES: usize = MOST_BYTES / 2;

/// The head of a record in a request, at most.
const HEAD_BYTES: usize = 100;

/// A function that is called for several records at once. Clones ask into the same batches.
#[derive(Clone, Debug)]
pub struct Batches {
    queue: mpsc::Sender<Question>,
}

/// A record that waits for its answer.
#[derive(Debug)]
struct Question {
    id: String,
    at: Timestamp,
    data: Bytes,
    answer: oneshot::Sender<Result<Answer, String>>,
}

impl Question {
    fn weight(&self) -> usize {
        self.data.len() + HEAD_BYTES
    }
}

impl Batches {
    /// Calls with up to so many records; a batch that is not full waits for `linger`, and an answer is waited for until
    /// `patience` is over. Called inside a tokio runtime, which the batches are gathered in.
    pub fn of(function: Function, records: usize, linger: Duration, patience: Duration) -> Self {
        let (queue, questions) = mpsc::channel(records.max(1));
        tokio::spawn(gather(questions, function, Limits { records: records.max(1), linger, patience }));
        Self { queue }
    }

    /// Asks for one record, in the company of others. `id` names it in the function's logs, where it is the first of its
    /// batch.
    ///
    /// # Errors
    /// As of [`Function::call`]; a call that fails, fails for each of its records.
    pub async fn call(&self, id: String, at: Timestamp, data: Bytes) -> Result<Answer, String> {
        let (answer, answered) = oneshot::channel();
        let gone = || "the calls have been stopped".to_string();
        self.queue.send(Question { id, at, data, answer }).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

#[derive(Clone, Copy)]
struct Limits {
    records: usize,
    linger: Duration,
    patience: Duration,
}

/// Puts questions together, until nobody asks any more. How many calls are under way is bounded by those who wait.
async fn gather(mut questions: mpsc::Receiver<Question>, function: Function, limits: Limits) {
    let mut first = questions.recv().await;
    while let Some(question) = first.take() {
        let (due, mut weight, mut batch) = (Instant::now() + limits.linger, question.weight(), vec![question]);
        while batch.len() < limits.records {
            match timeout_at(due, questions.recv()).await {
                Ok(Some(next)) if weight + next.weight() > BATCH_BYTES => {
                    first = Some(next);
                    break;
                }
                Ok(Some(next)) => {
                    weight += next.weight();
                    batch.push(next);
                }
                Ok(None) | Err(_) => break,
            }
        }
        tokio::spawn(ask(function.clone(), batch, limits.patience));
        if first.is_none() {
            first = questions.recv().await;
        }
    }
}

/// One call; each who waits is told its part.
async fn ask(function: Function, batch: Vec<Question>, patience: Duration) {
    let id = batch.first().map(|question| question.id.clone()).unwrap_or_default();
    let asked: Vec<Asked<'_>> = batch.iter().map(|question| Asked { at: question.at, data: &question.data }).collect();
    let answers = match timeout(patience, function.call_all(&id, &asked)).await {
        Ok(Ok(answers)) => answers,
        Ok(Err(e)) => vec![Err(e); batch.len()],
        Err(_) => vec![Err(format!("no answer in {patience:?}")); batch.len()],
    };
    for (question, answer) in batch.into_iter().zip(answers) {
        let _ = question.answer.send(answer); // nobody waits where the job has given it up
    }
}
