//! Where state can be: a folder, or a bucket of an object store, named by one word of a command line.

use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};

use super::error::{CheckpointError, Result};

/// How long one request to a remote store is tried again before its caller hears of it. A file is then written anew
/// up to three times, so that a store which fails for a minute costs one slow checkpoint.
const RETRY_FOR: Duration = Duration::from_secs(30);

/// How often, within that time: so often that the time decides. Twelve times take five seconds where a store answers its
/// errors at once.
const RETRIES: usize = 1_000;

/// A location, understood but not yet touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Location {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A bucket and a prefix in it.
    Remote(Remote),
}

/// `scheme://bucket/prefix`. Credentials never stand in it: they come from the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remote {
    scheme: Scheme,
    bucket: String,
    prefix: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    S3,
    Google,
    Azure,
}

impl Location {
    /// Understands `folder`, `file:///folder`, `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`.
    pub(super) fn parse(location: &str) -> Result<Self> {
        let refuse = |what: &str| Err(CheckpointError::Location { location: shown(location), what: what.into() });
        let (scheme, rest) = match location.split_once("://") {
            None if location.is_empty() => return refuse("it is empty: name a folder"),
            None => return Ok(Self::Folder(location.into())),
            Some(("file", path)) if !path.starts_with('/') => {
                return refuse("a file URL needs three slashes: file:///path");
            }
            Some(("file", path)) if path.contains('%') => {
                return refuse("give a folder with odd characters as a plain path");
            }
            Some(("file", path)) => return Ok(Self::Folder(path.into())),
            Some(("s3", rest)) => (Scheme::S3, rest),
            Some(("gs", rest)) => (Scheme::Google, rest),
            Some(("az", rest)) => (Scheme::Azure, rest),
            Some(_) => return refuse("state is kept in a folder, or at s3://, gs:// or az://"),
        };
        if rest.contains(['@', '?', '#', '%']) {
            return refuse("write scheme://bucket/prefix; credentials and options come from the environment");
        }
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return refuse("it names no bucket: write scheme://bucket/prefix");
        }
        let prefix = prefix.trim_matches('/');
        if prefix.split('/').any(|part| matches!(part, "." | "..") || (part.is_empty() && !prefix.is_empty())) {
            return refuse("its prefix has an empty part, `.` or `..`");
        }
        Ok(Self::Remote(Remote { scheme, bucket: bucket.into(), prefix: prefix.into() }))
    }

    /// The folder, if it is one.
    pub(super) fn folder(&self) -> Option<&FsPath> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::Remote(_) => None,
        }
    }

    /// The objects there. A folder must exist.
    pub(super) fn objects(&self) -> object_store::Result<Arc<dyn ObjectStore>> {
        match self {
            // Without fsync a checkpoint could be reported durable and be gone after a power failure.
            Self::Folder(root) => Ok(Arc::new(LocalFileSystem::new_with_prefix(root)?.with_fsync(true))),
            Self::Remote(remote) => remote.objects(),
        }
    }
}

impl Remote {
    fn objects(&self) -> object_store::Result<Arc<dyn ObjectStore>> {
        // Fails where the program has chosen a provider itself, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let objects: Box<dyn ObjectStore> = match self.scheme {
            Scheme::S3 => Box::new(self.s3().build()?),
            Scheme::Google => {
                let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(&self.bucket);
                Box::new(builder.with_retry(retries()).build()?)
            }
            Scheme::Azure => {
                let builder = MicrosoftAzureBuilder::from_env().with_container_name(&self.bucket);
                Box::new(builder.with_retry(retries()).build()?)
            }
        };
        Ok(Arc::new(PrefixStore::new(objects, self.prefix.as_str())))
    }

    /// With what `AWS_*` says: keys, region, endpoint. Without TLS only where told by `AWS_ALLOW_HTTP`, or on loopback.
    fn s3(&self) -> AmazonS3Builder {
        let builder = AmazonS3Builder::from_env().with_bucket_name(&self.bucket).with_retry(retries());
        let endpoint = builder.get_config_value(&AmazonS3ConfigKey::Endpoint).unwrap_or_default();
        if is_loopback(&endpoint) { builder.with_allow_http(true) } else { builder }
    }
}

fn retries() -> RetryConfig {
    let backoff = BackoffConfig { max_backoff: Duration::from_secs(5), ..BackoffConfig::default() };
    RetryConfig { backoff, max_retries: RETRIES, retry_timeout: RETRY_FOR }
}

/// Whether the host of a plain `http://` URL is this machine.
fn is_loopback(endpoint: &str) -> bool {
    let Some(rest) = endpoint.strip_prefix("http://") else { return false };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A location for a message: what may be a secret is left out.
fn shown(location: &str) -> String {
    let Some((scheme, rest)) = location.split_once("://") else { return location.into() };
    let (rest, options) = match rest.split_once(['?', '#']) {
        Some((rest, _)) => (rest, "?…"),
        None => (rest, ""),
    };
    match rest.rsplit_once('@') {
        Some((_, rest)) => format!("{scheme}://…@{rest}{options}"),
        None => format!("{scheme}://{rest}{options}"),
    }
}

/// Creates the folder and its parents, and forces every new entry to the disk.
pub(super) async fn create_folder(location: &str, root: PathBuf) -> Result<()> {
    let refuse = |what: String| CheckpointError::Location { location: location.into(), what };
    let done = tokio::task::spawn_blocking(move || create_and_sync(&root)).await;
    let done = done.map_err(|e| refuse(format!("creating the folder panicked: {e}")))?;
    done.map_err(|e| refuse(format!("the folder cannot be created: {e}")))
}

fn create_and_sync(root: &FsPath) -> std::io::Result<()> {
    let root = std::path::absolute(root)?;
    let new: Vec<_> = root.ancestors().take_while(|folder| !folder.exists()).map(PathBuf::from).collect();
    std::fs::create_dir_all(&root)?;
    for folder in new.iter().filter_map(|folder| folder.parent()) {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(scheme: Scheme, bucket: &str, prefix: &str) -> Location {
        Location::Remote(Remote { scheme, bucket: bucket.into(), prefix: prefix.into() })
    }

    #[test]
    fn locations_are_folders_or_buckets() {
        for (text, wanted) in [
            ("state", Location::Folder("state".into())),
            ("file:///a/b", Location::Folder("/a/b".into())),
            ("s3://bucket", remote(Scheme::S3, "bucket", "")),
            ("s3://bucket/a/b/", remote(Scheme::S3, "bucket", "a/b")),
            ("gs://bucket/a", remote(Scheme::Google, "bucket", "a")),
            ("az://container/a", remote(Scheme::Azure, "container", "a")),
        ] {
            assert_eq!(Location::parse(text).unwrap(), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_no_location_is_refused_without_its_secrets() {
        for text in ["", "s3://", "s3:///a", "s3://b/a//c", "s3://b/../c", "ftp://b/c", "s3://b/c%41", "file://x"] {
            assert!(Location::parse(text).is_err(), "{text}");
        }
        for text in ["s3://key:secret@bucket/a", "az://box/a?sig=secret", "gs://b/a#secret", "ftp://a:secret@b"] {
            let error = Location::parse(text).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
            assert!(error.contains(&text[..5]), "{error}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        for own in ["http://127.0.0.1:9000", "http://localhost/x", "http://[::1]:9000", "http://127.3.2.1"] {
            assert!(is_loopback(own), "{own}");
        }
        for other in ["http://10.0.0.1:9000", "https://localhost", "http://localhost.example", "", "http://"] {
            assert!(!is_loopback(other), "{other}");
        }
    }
}
