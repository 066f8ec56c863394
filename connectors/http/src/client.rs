//! Calls a function behind a URL.
use crate::contract::{Answer, Asked, MOST_BYTES, answers, request};
use millstream_runtime::http::{bounded_body, with_causes};
use millstream_runtime::time::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Url};
use std::collections::BTreeMap;

/// So much of an answer that is an error is shown.
const SHOWN: usize = 200;

/// A function behind a URL, by the contract of AWS Lambda transforms. Clones share connections.
#[derive(Clone, Debug)]
pub struct Function {
    client: Client,
    url: Url,
}

impl Function {
    /// The function at this URL, called with these headers. Calls nobody yet.
    ///
    /// # Errors
    /// Names what is no URL, or no header.
    pub fn at(url: &str, headers: &BTreeMap<String, String>) -> Result<Self, String> {
        let (url, headers) = (checked_url(url)?, checked_headers(headers)?);
        // Fails where the program has chosen a provider itself, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().default_headers(headers).build();
        Ok(Self { client: client.map_err(|e| format!("no HTTP client: {}", with_causes(&e)))?, url })
    }

    /// One call, for one record. `id` names the call in the function's logs.
    ///
    /// # Errors
    /// Where the function cannot be reached, or does not answer by the contract: may be tried again.
    pub async fn call(&self, id: &str, at: Timestamp, data: &[u8]) -> Result<Answer, String> {
        let mut answers = self.call_all(id, &[Asked { at, data }]).await?;
        answers.pop().unwrap_or_else(|| Err("the answer has no records".into()))
    }

    /// One call, for several records; gives an answer for each.
    pub(crate) async fn call_all(&self, id: &str, asked: &[Asked<'_>]) -> Result<Vec<Result<Answer, String>>, String> {
        let body = request(id, asked.iter().copied())?;
        let sent = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json").body(body).send();
        let response = sent.await.map_err(|e| with_causes(&e.without_url()))?;
        let status = response.status();
        let body = bounded_body(response, MOST_BYTES).await?;
        if !status.is_success() {
            let text = String::from_utf8_lossy(&body);
            let shown: String = text.chars().take(SHOWN).collect();
            return Err(format!("the function answers {status}: {shown}"));
        }
        answers(&body, asked.len())
    }
}

/// What is wrong with a URL.
pub(crate) fn checked_url(url: &str) -> Result<Url, String> {
    let wrong = || "is no URL: write http://host:port/path or https://..".to_string();
    Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https")).ok_or_else(wrong)
}

/// What is wrong with headers.
pub(crate) fn checked_headers(headers: &BTreeMap<String, String>) -> Result<HeaderMap, String> {
    let pair = |(name, value): (&String, &String)| {
        let header = HeaderName::try_from(name).map_err(|_| format!("{name:?} is no name of a header"))?;
        let mut value = HeaderValue::try_from(value).map_err(|_| format!("the value of {name:?} is no header"))?;
        value.set_sensitive(true);
        Ok((header, value))
    };
    headers.iter().map(pair).collect()
}
