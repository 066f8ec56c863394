//! The contract of a transform function: `records` with `recordId` and `data` in base64; each comes back as `Ok`,
//! `Dropped` or `ProcessingFailed`.
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use millstream_runtime::data::Bytes;
use millstream_runtime::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A request, and an answer, has at most so many bytes: 6 MB, as with AWS Lambda.
pub const MOST_BYTES: usize = 6_000_000;

/// The one record of a request.
const RECORD: &str = "1";

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
    records: [Sent<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sent<'a> {
    record_id: &'a str,
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

/// The body of a request for one record. `id` names the call in the function's logs.
pub(crate) fn request(id: &str, at: Timestamp, data: &[u8]) -> Result<Vec<u8>, String> {
    let approximate_arrival_timestamp = Some(at.0).filter(|_| at != Timestamp::MIN);
    let sent = Sent { record_id: RECORD, approximate_arrival_timestamp, data: BASE64_STANDARD.encode(data) };
    let body = serde_json::to_vec(&Request { invocation_id: id, records: [sent] });
    let body = body.map_err(|e| format!("the request cannot be written: {e}"))?;
    match body.len() > MOST_BYTES {
        true => Err(format!("a request of {} bytes is above the limit of {MOST_BYTES}", body.len())),
        false => Ok(body),
    }
}

/// What the body of an answer says of the one record.
pub(crate) fn answer(body: &[u8]) -> Result<Answer, String> {
    let response: Response =
        serde_json::from_slice(body).map_err(|e| format!("the answer is not of the contract: {e}"))?;
    let Ok([returned]): Result<[Returned; 1], _> = response.records.try_into() else {
        return Err("the answer has another number of records than the request".into());
    };
    if returned.record_id != RECORD {
        return Err(format!("the answer is for record {:?}, which was not asked", returned.record_id));
    }
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

    #[test]
    fn a_request_has_the_record_in_base64() {
        let body = request("w/1", Timestamp(5), b"{}").unwrap();
        let wanted =
            r#"{"invocationId":"w/1","records":[{"recordId":"1","approximateArrivalTimestamp":5,"data":"e30="}]}"#;
        assert_eq!(String::from_utf8(body).unwrap(), wanted);
        assert!(!String::from_utf8(request("", Timestamp::MIN, b"").unwrap()).unwrap().contains("Arrival"));
        assert!(request("", Timestamp(0), &vec![0; MOST_BYTES]).unwrap_err().contains("above the limit"));
    }

    #[test]
    fn an_answer_is_made_dropped_or_failed() {
        let of = |record: &str| answer(format!("{{\"records\":[{record}]}}").as_bytes());
        assert_eq!(of(r#"{"recordId":"1","result":"Ok","data":"e30="}"#), Ok(Answer::Made(b"{}".to_vec())));
        assert_eq!(of(r#"{"recordId":"1","result":"Dropped"}"#), Ok(Answer::Dropped));
        let failed = of(r#"{"recordId":"1","result":"ProcessingFailed","errorMessage":"no"}"#);
        assert_eq!(failed, Ok(Answer::Failed("the function says ProcessingFailed: no".into())));
        for wrong in [
            "",
            r#"{"recordId":"2","result":"Dropped"}"#,
            r#"{"recordId":"1","result":"Ok"}"#,
            r#"{"recordId":"1","result":"Ok","data":"*"}"#,
            r#"{"recordId":"1","result":"ok","data":""}"#,
            r#"{"recordId":"1","result":"Dropped"},{"recordId":"1","result":"Dropped"}"#,
        ] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
