//! Requests to a registry, with their tries.
use super::wire::{Answered, Numbered, Reference, Refused, SchemaKind, SchemaText, Sent};
use millstream_runtime::http::{bounded_body, with_causes};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use serde::de::DeserializeOwned;
use std::fmt;
use std::time::Duration;

/// The longest answer.
const MOST_BYTES: usize = 4 << 20;

/// The wait before the second try; it doubles, up to five seconds.
const BACKOFF: Duration = Duration::from_millis(100);
const BACKOFF_MOST: Duration = Duration::from_secs(5);

/// A schema refers to others, and these to others: so many in all.
const MOST_REFERENCES: usize = 100;

/// So much of an answer that is an error is shown.
const SHOWN: usize = 200;

const JSON: &str = "application/vnd.schemaregistry.v1+json";

/// The codes of the API for what is not there: subject, version, schema.
const NOT_THERE: [u32; 3] = [40401, 40402, 40403];

/// Why a registry gives no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It does not know the id, the subject or the version.
    NotFound(String),
    /// It refuses: who asks may not, or the schema is not compatible.
    Refused(String),
    /// It cannot be reached, or does not speak the API.
    Unreachable(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(what) | Self::Refused(what) | Self::Unreachable(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Failure {}

/// Whether another try may help.
enum Tried<T> {
    Done(Result<T, Failure>),
    Again(String),
}

/// A client of one registry.
pub(super) struct Client {
    http: reqwest::Client,
    url: Url,
    retries: u32,
}

impl Client {
    pub fn new(http: reqwest::Client, url: Url, retries: u32) -> Self {
        Self { http, url, retries }
    }

    /// Where the registry is.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The schema of an id.
    pub async fn schema(&self, id: u32) -> Result<SchemaText, Failure> {
        let answered: Answered = self.call(Method::GET, &["schemas", "ids", &id.to_string()], None).await?;
        self.whole(answered).await
    }

    /// The newest schema of a subject, with its id.
    pub async fn latest(&self, subject: &str) -> Result<(u32, SchemaText), Failure> {
        let answered: Answered = self.call(Method::GET, &["subjects", subject, "versions", "latest"], None).await?;
        let id = answered.id.ok_or_else(|| self.strange("the answer has no id"))?;
        Ok((id, self.whole(answered).await?))
    }

    /// The id of a schema that the subject has.
    pub async fn lookup(&self, subject: &str, kind: SchemaKind, text: &str) -> Result<u32, Failure> {
        let sent = Sent { schema: text, schema_type: kind };
        Ok(self.call::<Numbered>(Method::POST, &["subjects", subject], Some(&sent)).await?.id)
    }

    /// Adds a schema to a subject, if it is not there; gives its id.
    pub async fn register(&self, subject: &str, kind: SchemaKind, text: &str) -> Result<u32, Failure> {
        let sent = Sent { schema: text, schema_type: kind };
        Ok(self.call::<Numbered>(Method::POST, &["subjects", subject, "versions"], Some(&sent)).await?.id)
    }

    /// A schema with those that it refers to.
    async fn whole(&self, answered: Answered) -> Result<SchemaText, Failure> {
        let mut whole = SchemaText::new(answered.schema_type, answered.schema);
        let mut seen: Vec<(String, u32)> = vec![];
        let mut wanted: Vec<Reference> = answered.references.unwrap_or_default();
        while let Some(Reference { subject, version }) = wanted.pop() {
            if seen.iter().any(|one| one.0 == subject && one.1 == version) {
                continue;
            }
            if seen.len() == MOST_REFERENCES {
                return Err(self.strange(&format!("a schema refers to more than {MOST_REFERENCES} others")));
            }
            let path = ["subjects", &subject, "versions", &version.to_string()];
            let referred: Answered = self.call(Method::GET, &path, None).await?;
            seen.push((subject, version));
            whole.references.push(referred.schema);
            wanted.extend(referred.references.unwrap_or_default());
        }
        Ok(whole)
    }

    fn strange(&self, what: &str) -> Failure {
        Failure::Unreachable(format!("{}: {what}", self.url))
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        sent: Option<&Sent<'_>>,
    ) -> Result<T, Failure> {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let (mut tries, mut wait) = (0, BACKOFF);
        loop {
            let mut request = self.http.request(method.clone(), url.clone()).header("accept", JSON);
            if let Some(sent) = sent {
                let body = serde_json::to_vec(sent).map_err(|e| self.strange(&e.to_string()))?;
                request = request.header(CONTENT_TYPE, JSON).body(body);
            }
            let reason = match once(request).await {
                Tried::Done(done) => return done.map_err(|failure| failure.at(&url)),
                Tried::Again(reason) => reason,
            };
            if tries == self.retries {
                return Err(Failure::Unreachable(format!("{reason} (tried {} times)", tries + 1)).at(&url));
            }
            tries += 1;
            tracing::debug!("schema registry at {url}: {reason}; trying again in {wait:?}");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(BACKOFF_MOST);
        }
    }
}

impl Failure {
    fn at(self, url: &Url) -> Self {
        match self {
            Self::NotFound(what) => Self::NotFound(format!("{url}: {what}")),
            Self::Refused(what) => Self::Refused(format!("{url}: {what}")),
            Self::Unreachable(what) => Self::Unreachable(format!("{url}: {what}")),
        }
    }
}

/// One try.
async fn once<T: DeserializeOwned>(request: RequestBuilder) -> Tried<T> {
    let response = match request.send().await {
        Ok(response) => response,
        Err(e) => return Tried::Again(with_causes(&e.without_url())),
    };
    let status = response.status();
    let body = match bounded_body(response, MOST_BYTES).await {
        Ok(body) => body,
        Err(again) => return Tried::Again(again),
    };
    if status.is_success() {
        let read = serde_json::from_slice(&body);
        return Tried::Done(read.map_err(|e| {
            Failure::Unreachable(format!("the answer is not one of a schema registry: {e}; is this its URL?"))
        }));
    }
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Tried::Again(shown(status, &body));
    }
    Tried::Done(Err(refusal(status, &body)))
}

/// What an answer that will not change means.
fn refusal(status: StatusCode, body: &[u8]) -> Failure {
    match serde_json::from_slice::<Refused>(body) {
        Ok(refused) if NOT_THERE.contains(&refused.error_code) => Failure::NotFound(refused.message),
        Ok(refused) => Failure::Refused(format!("{status}: {}", refused.message)),
        Err(_) if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            Failure::Refused(format!("{status}: check the user and the password"))
        }
        Err(_) => Failure::Unreachable(format!("{}; is this the URL of a schema registry?", shown(status, body))),
    }
}

fn shown(status: StatusCode, body: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(body).chars().take(SHOWN).collect();
    format!("{status}: {text}")
}
