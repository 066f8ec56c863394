//! The contract of a transform function: `records` with `recordId` and `data` in base64; each comes back as `Ok`,
//! `Dropped` or `ProcessingFailed`.
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use millstream_runtime::data::Bytes;
use millstream_runtime::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A request, and an answer, has at most so many bytes: 6 MB, as with AWS Lambda.
pub const MOST_BYTES: usize = 6_000_000;

/// What a function makes of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// These bytes.
    Made(Bytes),
    /// Nothing, on purpose.
    Dropped,
    /// It says that it cannot, and why.
    Failed(String),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    invocation_id: &'a str,
    records: Vec<Sent>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    record_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    approximate_arrival_timestamp: Option<i64>,
    data: String,
}

#[derive(Deserialize)]
struct Response {
    records: Vec<Returned>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Returned {
    record_id: String,
    result: Outcome,
    #[serde(default)]
    data: Option<String>,
    #[serde(default)]
    error_message: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
enum Outcome {
    Ok,
    Dropped,
    ProcessingFailed,
}

/// A record of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub at: Timestamp,
    pub data: &'a [u8],
}

/// The body of a request for these records, which are called 1, 2, .. in it. `id` names the call in the function's logs.
pub(crate) fn request<'a>(id: &str, asked: impl IntoIterator<Item = Asked<'a>>) -> Result<Vec<u8>, String> {
    let sent = |(i, Asked { at, data }): (usize, Asked<'_>)| Sent {
        record_id: (i + 1).to_string(),
        approximate_arrival_timestamp: Some(at.0).filter(|_| at != Timestamp::MIN),
        data: BASE64_STANDARD.encode(data),
    };
    let records = asked.into_iter().enumerate().map(sent).collect();
    let body = serde_json::to_vec(&Request { invocation_id: id, records });
    let body = body.map_err(|e| format!("the request cannot be written: {e}"))?;
    match body.len() > MOST_BYTES {
        true => Err(format!("a request of {} bytes is above the limit of {MOST_BYTES}", body.len())),
        false => Ok(body),
    }
}

/// What the body of an answer says of each of so many records, whatever order it has them in.
pub(crate) fn answers(body: &[u8], count: usize) -> Result<Vec<Result<Answer, String>>, String> {
    let response: Response =
        serde_json::from_slice(body).map_err(|e| format!("the answer is not of the contract: {e}"))?;
    let mut all: Vec<Result<Answer, String>> = vec![Err("the answer does not have this record".into()); count];
    let mut seen = vec![false; count];
    for returned in response.records {
        let index = returned.record_id.parse::<usize>().ok().and_then(|n| n.checked_sub(1)).filter(|i| *i < count);
        let index =
            index.ok_or_else(|| format!("the answer is for record {:?}, which was not asked", returned.record_id))?;
        if std::mem::replace(&mut seen[index], true) {
            return Err(format!("the answer has record {:?} twice", returned.record_id));
        }
        all[index] = answer(returned);
    }
    Ok(all)
}

fn answer(returned: Returned) -> Result<Answer, String> {
    match returned.result {
        Outcome::Ok => {
            let data = returned.data.ok_or("the answer is Ok and has no data")?;
            BASE64_STANDARD.decode(data).map(Answer::Made).map_err(|e| format!("the answer's data is no base64: {e}"))
        }
        Outcome::Dropped => Ok(Answer::Dropped),
        Outcome::ProcessingFailed => {
            let why = returned.error_message.unwrap_or_else(|| "without a reason".into());
            Ok(Answer::Failed(format!("the function says ProcessingFailed: {why}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(at: i64, data: &[u8]) -> Asked<'_> {
        Asked { at: Timestamp(at), data }
    }

    #[test]
    fn a_request_has_its_records_in_base64() {
        let body = request("w/1", [asked(5, b"{}"), asked(i64::MIN, b"")]).unwrap();
        let wanted = r#"{"invocationId":"w/1","records":[{"recordId":"1","approximateArrivalTimestamp":5,"data":"e30="},{"recordId":"2","data":""}]}"#;
        assert_eq!(String::from_utf8(body).unwrap(), wanted);
        assert!(request("", [asked(0, &vec![0; MOST_BYTES])]).unwrap_err().contains("above the limit"));
    }

    #[test]
    fn an_answer_is_made_dropped_or_failed() {
        let of = |record: &str| answers(format!("{{\"records\":[{record}]}}").as_bytes(), 1)?.remove(0);
        assert_eq!(of(r#"{"recordId":"1","result":"Ok","data":"e30="}"#), Ok(Answer::Made(b"{}".to_vec())));
        assert_eq!(of(r#"{"recordId":"1","result":"Dropped"}"#), Ok(Answer::Dropped));
        let failed = of(r#"{"recordId":"1","result":"ProcessingFailed","errorMessage":"no"}"#);
        assert_eq!(failed, Ok(Answer::Failed("the function says ProcessingFailed: no".into())));
        for wrong in [
            "",
            r#"{"recordId":"0","result":"Dropped"}"#,
            r#"{"recordId":"2","result":"Dropped"}"#,
            r#"{"recordId":"1","result":"Ok"}"#,
            r#"{"recordId":"1","result":"Ok","data":"*"}"#,
            r#"{"recordId":"1","result":"ok","data":""}"#,
            r#"{"recordId":"1","result":"Dropped"},{"recordId":"1","result":"Dropped"}"#,
        ] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn answers_are_told_apart_by_their_ids_and_one_that_is_missing_fails_alone() {
        let body = br#"{"records":[{"recordId":"3","result":"Dropped"},{"recordId":"1","result":"Ok","data":""}]}"#;
        let all = answers(body, 3).unwrap();
        assert_eq!((&all[0], &all[2]), (&Ok(Answer::Made(vec![])), &Ok(Answer::Dropped)));
        assert!(all[1].as_ref().unwrap_err().contains("does not have this record"));
    }
}
