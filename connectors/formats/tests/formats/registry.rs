//! The client of schema registries: against answers that a test makes up, and against a real one.
use crate::server::Server;
use millstream_formats::{Failure, RegistryOptions, SchemaKind, SchemaRegistry};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

const LONG: &str = r#"{"schema":"\"long\""}"#;
const NOT_FOUND: &str = r#"{"error_code":40403,"message":"Schema not found"}"#;

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn at(url: &str) -> RegistryOptions {
    SchemaRegistry::at(url).retries(2)
}

#[test]
fn a_schema_is_fetched_once_with_the_password_and_below_the_path() {
    let (server, url) = Server::start(&[(200, LONG)]);
    let registry = at(&format!("{url}/apis/ccompat/v7/")).basic_auth("me", "hunter2").open().unwrap();
    run(async {
        assert_eq!(registry.fetch(7).await.unwrap().text, "\"long\"");
        assert_eq!(registry.fetch(7).await.unwrap().kind, SchemaKind::Avro);
    });
    assert_eq!(server.lines(), ["GET /apis/ccompat/v7/schemas/ids/7"]);
    assert_eq!(server.asked.lock().unwrap()[0].1, "Basic bWU6aHVudGVyMg==");
    assert_eq!(registry.known(7).unwrap().text, "\"long\"");
    assert!(!format!("{registry:?}").contains("hunter2"));
}

#[test]
fn what_may_pass_is_tried_again_and_what_will_not_is_not() {
    let (server, url) = Server::start(&[(503, "busy"), (429, "slower"), (200, LONG)]);
    run(at(&url).open().unwrap().fetch(1)).unwrap();
    assert_eq!(server.lines().len(), 3);
    let (server, url) = Server::start(&[(503, "busy")]);
    let said = run(at(&url).open().unwrap().fetch(1)).unwrap_err();
    assert!(matches!(&said, Failure::Unreachable(_)) && said.to_string().contains("tried 3 times"), "{said}");
    assert_eq!(server.lines().len(), 3);
    for (status, body, wanted) in [
        (404, NOT_FOUND, Failure::NotFound(format!("{url}/schemas/ids/1: Schema not found"))),
        (401, "", Failure::Refused(String::new())),
        (409, r#"{"error_code":409,"message":"incompatible"}"#, Failure::Refused(String::new())),
        (404, "<html>", Failure::Unreachable(String::new())),
        (302, "", Failure::Unreachable(String::new())),
        (200, "<html>", Failure::Unreachable(String::new())),
    ] {
        let (server, url) = Server::start(&[(status, body)]);
        let said = run(at(&url).open().unwrap().fetch(1)).unwrap_err();
        assert_eq!(std::mem::discriminant(&said), std::mem::discriminant(&wanted), "{status} {body}: {said}");
        assert!(said.to_string().contains("/schemas/ids/1: "), "says which request: {said}");
        assert_eq!(server.lines().len(), 1, "{status} {body}");
    }
}

#[test]
fn a_registry_that_is_silent_or_gone_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let options = SchemaRegistry::at(&url).timeout(Duration::from_millis(50)).retries(1);
    let said = run(options.open().unwrap().fetch(1)).unwrap_err().to_string();
    assert!(said.contains("tried 2 times") && said.contains("timed out"), "{said}");
    drop(silent);
    let said = run(at(&url).basic_auth("me", "hunter2").open().unwrap().fetch(1)).unwrap_err().to_string();
    assert!(said.contains("tried 3 times") && !said.contains("hunter2"), "{said}");
}

#[test]
fn an_answer_without_end_is_cut_off() {
    let (_, url) = Server::start(&[(200, &"x".repeat(5 << 20))]);
    let said = run(SchemaRegistry::at(&url).retries(0).open().unwrap().fetch(1)).unwrap_err().to_string();
    assert!(said.contains("above the limit of 4194304 bytes"), "{said}");
}

#[test]
fn what_is_no_address_is_refused_without_the_secret() {
    let says = |options: RegistryOptions| options.open().unwrap_err();
    assert!(says(at("registry:8081")).contains("write http://host:port"));
    assert!(says(at("ftp://registry")).contains("write http://host:port"));
    let said = says(at("http://me:hunter2@registry"));
    assert!(said.contains("give them apart") && !said.contains("hunter2"), "{said}");
    assert!(says(at("http://a").bearer("t").basic_auth("a", "b")).contains("one of them"));
    assert!(says(at("http://a").bearer("hunter2\n")).contains("no header may have"));
    assert!(says(at("http://a").authorities("nothing")).contains("no certificate in PEM"));
}

/// An authority, and what a server at 127.0.0.1 needs of it.
fn certificates() -> (String, Arc<rustls::ServerConfig>) {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["127.0.0.1".to_string()]).unwrap().signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![own.der().clone()], key).unwrap();
    (authority, Arc::new(config))
}

#[test]
fn tls_needs_an_authority_that_is_trusted() {
    let (authority, config) = certificates();
    let (server, _) = Server::start(&[(200, LONG)]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            server.serve(rustls::StreamOwned::new(connection, stream));
        }
    });
    let trusted = SchemaRegistry::at(&url).retries(0).authorities(authority).open().unwrap();
    assert_eq!(run(trusted.fetch(1)).unwrap().text, "\"long\"");
    let said = run(SchemaRegistry::at(&url).retries(0).open().unwrap().fetch(1)).unwrap_err().to_string();
    assert!(said.to_lowercase().contains("certificate"), "{said}");
}

/// `cargo xtask services up registry`.
#[test]
fn a_real_registry_keeps_schemas_and_finds_them_again() {
    let Some(address) = millstream_testkit::service("registry") else { return };
    let registry = SchemaRegistry::at(&format!("{address}/apis/ccompat/v7")).open().unwrap();
    let name = format!("test-{}-{:?}", std::process::id(), std::time::SystemTime::now());
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let text =
        format!(r#"{{"type":"record","name":"R{}","fields":[{{"name":"a","type":"long"}}]}}"#, std::process::id());
    run(async {
        let subject = registry.subject(&name, SchemaKind::Avro);
        let said = subject.clone().existing(&text).resolve().await.unwrap_err();
        assert!(matches!(said, Failure::NotFound(_)), "{said}");
        assert!(matches!(subject.resolve().await.unwrap_err(), Failure::NotFound(_)), "it has no versions yet");
        let id = subject.clone().register(&text).resolve().await.unwrap();
        assert_eq!(subject.clone().register(&text).resolve().await.unwrap(), id, "twice is once");
        assert_eq!(subject.clone().existing(&text).resolve().await.unwrap(), id);
        assert_eq!(subject.resolve().await.unwrap(), id, "the latest");
        assert_eq!(registry.fetch(id).await.unwrap().text, text);
        let other = registry.subject(&name, SchemaKind::Protobuf).resolve().await.unwrap_err();
        assert!(other.to_string().contains("has a schema of Avro, not of Protobuf"), "{other}");
        assert!(matches!(registry.fetch(u32::MAX / 2).await.unwrap_err(), Failure::NotFound(_)));
    });
}
