//! What the formats with schemas have in common: files, and how a registry is reached.
use millstream_formats::{RegistryOptions, SchemaRegistry};
use millstream_runtime::time::Span;
use std::io::Read;

/// The largest file of a schema, in bytes.
const FILE_MAX: u64 = 4 << 20;

/// A file that the pipeline names.
pub(super) fn file(key: &str, path: &str) -> Result<Vec<u8>, String> {
    let wrong = |e: std::io::Error| format!("{key} = {path:?} cannot be read: {e}");
    let mut bytes = vec![];
    let file = std::fs::File::open(path).map_err(wrong)?;
    file.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(wrong)?;
    match bytes.len() as u64 > FILE_MAX {
        true => Err(format!("{key} = {path:?} is larger than {FILE_MAX} bytes")),
        false => Ok(bytes),
    }
}

/// How a registry is reached, as the table of a format says it.
#[derive(Default)]
pub(super) struct Access {
    pub registry: Option<String>,
    pub username: Option<String>,
    pub password: Option<String>,
    pub token: Option<String>,
    pub ca: Option<String>,
    pub timeout: Option<Span>,
}

impl Access {
    /// The registry, if there is to be one.
    pub fn open(self) -> Result<Option<SchemaRegistry>, String> {
        let Some(url) = &self.registry else { return self.idle().map_or(Ok(None), Err) };
        let mut options: RegistryOptions = SchemaRegistry::at(url);
        match (&self.username, &self.password) {
            (Some(name), Some(password)) => options = options.basic_auth(name, password),
            (None, None) => {}
            _ => return Err("has one of username and password: the registry needs both".into()),
        }
        if let Some(token) = &self.token {
            options = options.bearer(token);
        }
        if let Some(path) = &self.ca {
            options = options.authorities(file("ca", path)?);
        }
        match self.timeout {
            Some(timeout) if timeout.0.is_zero() => return Err("timeout is 0: write at least 1ms".into()),
            Some(timeout) => options = options.timeout(timeout.0),
            None => {}
        }
        options.open().map(Some).map_err(|e| format!("registry = {url:?} {e}"))
    }

    /// What is said about a registry that is not there.
    fn idle(&self) -> Option<String> {
        let Self { username, password, token, ca, timeout, .. } = self;
        let texts = [("username", username), ("password", password), ("token", token), ("ca", ca)];
        let mut said = texts.iter().filter(|(_, text)| text.is_some()).map(|(key, _)| *key);
        let key = said.next().or(timeout.is_some().then_some("timeout"))?;
        Some(format!("has {key}, but no registry to use it with: write registry = \"http://host:8081\""))
    }
}
