//! Options of librdkafka, as the user gave them, with our defaults beneath. Secrets are never shown.
use crate::client::say;
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use std::collections::BTreeMap;
use std::fmt;

/// Options that librdkafka is given as they are, such as `security.protocol` or `sasl.password`.
///
/// ```
/// use millstream_kafka::Options;
/// let options = Options::new("localhost:9092").with("sasl.password", "hunter2");
/// assert!(!format!("{options:?}").contains("hunter2"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Options {
    brokers: String,
    given: BTreeMap<String, String>,
}

/// What is in the name of an option whose value nobody may see.
const SECRET: [&str; 7] =
    ["password", "secret", "sasl.jaas", "oauthbearer.config", "oauthbearer.assertion", ".pem", "token"];

/// What stands for a secret.
const REDACTED: &str = "(redacted)";

impl Options {
    /// A list of brokers to begin with: `host:port,host:port`.
    pub fn new(brokers: &str) -> Self {
        Self { brokers: brokers.into(), given: BTreeMap::new() }
    }

    /// Sets an option. The last one of a name wins, also over the connector's own defaults.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.given.insert(name.into(), value.into());
        self
    }

    /// The brokers to begin with.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// The configuration of a client: `beneath` are defaults, `above` what the protocol needs, whatever the user says.
    pub(crate) fn config(&self, beneath: &[(&str, &str)], above: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        // A broker that comes back is found soon; librdkafka waits up to 10 s, and half of the first between any two tries.
        config.set("reconnect.backoff.ms", "20").set("reconnect.backoff.max.ms", "1000");
        let given = self.given.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in beneath.iter().copied().chain(given).chain(above.iter().copied()) {
            config.set(name, value);
        }
        if !self.given.contains_key("log_level") {
            config.set_log_level(RDKafkaLogLevel::Warning);
        }
        config
    }

    /// Whether librdkafka knows every option and takes its value; asks no broker.
    ///
    /// # Errors
    /// Names the option.
    pub fn check(&self) -> Result<(), String> {
        let native = self.config(&[], &[]).create_native_config();
        native.map(drop).map_err(|e| format!("kafka at {}: {}", self.brokers, say(&e)))
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_secret = |name: &str| SECRET.iter().any(|part| name.contains(part));
        let shown = |(name, value)| (name, if is_secret(name) { REDACTED } else { value });
        let given = self.given.iter().map(|(name, value)| shown((name.as_str(), value.as_str())));
        f.debug_struct("Options")
            .field("brokers", &self.brokers)
            .field("given", &given.collect::<BTreeMap<_, _>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown_in_debug_or_in_an_error() {
        let secrets = ["sasl.password", "ssl.key.password", "ssl.key.pem", "sasl.oauthbearer.client.secret"];
        for name in secrets {
            let options = Options::new("b:1").with(name, "hunter2");
            assert!(!format!("{options:?}").contains("hunter2"), "{name}");
            assert!(!options.check().err().unwrap_or_default().contains("hunter2"), "{name}");
        }
    }

    #[test]
    fn an_unknown_option_is_named() {
        let says = Options::new("b:1").with("no.such.option", "1").check().unwrap_err();
        assert!(says.contains("no.such.option"), "{says}");
    }
}
