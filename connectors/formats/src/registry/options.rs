//! How a registry is reached.
use super::SchemaRegistry;
use super::client::Client;
use millstream_runtime::http::with_causes;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Url};
use std::fmt;
use std::time::Duration;

/// How a registry is reached: made by [`SchemaRegistry::at`](crate::SchemaRegistry::at).
#[derive(Clone)]
pub struct RegistryOptions {
    url: String,
    basic: Option<(String, String)>,
    token: Option<String>,
    authorities: Vec<Vec<u8>>,
    timeout: Duration,
    retries: u32,
}

/// Without passwords and tokens.
impl fmt::Debug for RegistryOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryOptions").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl RegistryOptions {
    pub(super) fn at(url: &str) -> Self {
        let (basic, token, authorities) = (None, None, vec![]);
        Self { url: url.into(), basic, token, authorities, timeout: Duration::from_secs(10), retries: 4 }
    }

    /// The name and password of HTTP's basic authentication.
    pub fn basic_auth(mut self, name: &str, password: &str) -> Self {
        self.basic = Some((name.into(), password.into()));
        self
    }

    /// A bearer token.
    pub fn bearer(mut self, token: &str) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Certificates in PEM of authorities to trust besides those of the system.
    pub fn authorities(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authorities.push(pem.into());
        self
    }

    /// How long one try may take; 10 s unless told otherwise.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How often a request is tried again that did not come through, or was answered with 429 or 5xx; 4 unless told
    /// otherwise.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// The client. Asks nobody yet.
    ///
    /// # Errors
    /// Says what is no URL, no certificate or no header; without any secret.
    pub fn open(self) -> Result<SchemaRegistry, String> {
        let url = self.checked_url()?;
        // Fails where the program has chosen a provider itself, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut authorities = vec![];
        for pem in &self.authorities {
            let all = Certificate::from_pem_bundle(pem).map_err(|_| "the authorities are no certificates in PEM")?;
            if all.is_empty() {
                return Err("the authorities have no certificate in PEM".into());
            }
            authorities.extend(all);
        }
        let client = reqwest::Client::builder()
            .default_headers(self.headers()?)
            .redirect(Policy::none())
            .timeout(self.timeout)
            .tls_certs_merge(authorities)
            .build();
        let client = client.map_err(|e| format!("no HTTP client: {}", with_causes(&e)))?;
        Ok(SchemaRegistry::with(Client::new(client, url, self.retries)))
    }

    fn checked_url(&self) -> Result<Url, String> {
        let wrong = || "is no URL: write http://host:port or https://host:port/path".to_string();
        let url = Url::parse(&self.url).map_err(|_| wrong())?;
        if !matches!(url.scheme(), "http" | "https") || url.cannot_be_a_base() {
            return Err(wrong());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("has a user or a password in it: give them apart".into());
        }
        Ok(url)
    }

    fn headers(&self) -> Result<HeaderMap, String> {
        let value = match (&self.basic, &self.token) {
            (Some(_), Some(_)) => return Err("has a password and a token: give one of them".into()),
            (Some((name, password)), None) => format!("Basic {}", base64(format!("{name}:{password}").as_bytes())),
            (None, Some(token)) => format!("Bearer {token}"),
            (None, None) => return Ok(HeaderMap::new()),
        };
        let mut value = HeaderValue::try_from(value).map_err(|_| "the token has characters that no header may have")?;
        value.set_sensitive(true);
        Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::prelude::BASE64_STANDARD.encode(bytes)
}
