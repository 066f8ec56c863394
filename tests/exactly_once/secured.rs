//! The whole job in two processes over mutual TLS, while strangers knock: they are refused, and the job goes on.
use crate::pair::free;
use crate::world::World;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Child;
use std::time::{Duration, Instant};

/// An authority whose certificate lies in `NAME.ca`.
struct Authority {
    name: &'static str,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(world: &World, name: &'static str) -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        fs::write(world.path(&format!("{name}.ca")), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { name, issuer: Issuer::new(params, key) }
    }

    /// The flags of a process with a certificate of this authority, which trusts `trusted`.
    fn flags(&self, world: &World, process: usize, trusted: &str) -> Vec<String> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_string()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let file = |kind: &str, text: &str| {
            let path = world.path(&format!("{}{process}.{kind}", self.name));
            fs::write(&path, text).unwrap();
            path.to_string_lossy().into_owned()
        };
        let (certificate, key) = (file("crt", &certificate.pem()), file("key", &key.serialize_pem()));
        let authority = world.path(&format!("{trusted}.ca")).to_string_lossy().into_owned();
        let named = [("--tls-certificate", certificate), ("--tls-key", key), ("--tls-authority", authority)];
        named.into_iter().flat_map(|(name, value)| [name.to_string(), value]).collect()
    }
}

/// Kills what is left of it when a test fails.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it may have ended
        let _ = self.0.wait();
    }
}

impl Process {
    fn start(world: &World, process: usize, more: &[String]) -> Self {
        let (hosts, process) = (world.path("hosts").to_string_lossy().into_owned(), process.to_string());
        let flags = ["--hosts", &hosts, "--process", &process];
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        Self(world.start_with(&[&flags, &more[..]].concat()))
    }

    fn code(&mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }
}

fn connect(to: SocketAddr) -> TcpStream {
    let began = Instant::now();
    loop {
        match TcpStream::connect(to) {
            Ok(stream) => return stream,
            Err(e) => assert!(began.elapsed() < Duration::from_secs(20), "{e}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Says what no process of the job says, and waits until it is shown the door.
fn knock(at: SocketAddr, words: &[u8]) {
    let mut stream = connect(at);
    let _ = stream.write_all(words); // it may be refused in the middle
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut answer = vec![];
    let _ = stream.read_to_end(&mut answer); // an alert, or a reset
    let is_greeting = answer.starts_with(b"MLSTmesh");
    assert!(!is_greeting, "a stranger is answered in the job's own words");
}

#[test]
fn strangers_are_refused_and_a_job_over_tls_loses_and_doubles_nothing() {
    let mut world = World::of(&["--records", "60000", "--seed", "11", "--rate", "60000"]);
    world.to_the_end("one process");
    let expected = world.rows();
    world.forget();
    let (ours, theirs) = (Authority::new(&world, "ours"), Authority::new(&world, "theirs"));
    let addresses = [free(), free()];
    fs::write(world.path("hosts"), format!("{}\n{}\n", addresses[0], addresses[1])).unwrap();
    let patient = |flags: Vec<String>, patience: &str| [flags, vec!["--patience".into(), patience.into()]].concat();

    let mut first = Process::start(&world, 0, &patient(ours.flags(&world, 0, "ours"), "60s"));
    let mut random = millstream::runtime::run::Jitter::new(11);
    let noise: Vec<u8> = (0..4096).map(|_| random.below(256) as u8).collect();
    knock(addresses[0], &noise);
    knock(addresses[0], b"MLSTmesh\x01\x00\xff\xff\xff\xff");
    drop(connect(addresses[0]));
    let silent = connect(addresses[0]);

    let stranger = patient(theirs.flags(&world, 1, "ours"), "2s");
    assert_ne!(Process::start(&world, 1, &stranger).code(), Some(0), "a certificate of another authority");
    assert_ne!(Process::start(&world, 1, &patient(vec![], "2s")).code(), Some(0), "plain text");
    let input = world.input.clone();
    world.input.extend(["--seed", "12"].map(String::from));
    let other = patient(ours.flags(&world, 2, "ours"), "20s");
    assert_eq!(Process::start(&world, 1, &other).code(), Some(2), "another job: {}", world.log());
    world.input = input;
    assert!(world.log().contains("arguments"), "{}", world.log());

    let mut second = Process::start(&world, 1, &patient(ours.flags(&world, 1, "ours"), "60s"));
    let codes = [first.code(), second.code()];
    assert_eq!(codes, [Some(0); 2], "{}", world.log());
    drop(silent);
    world.check(&expected, "two processes over TLS");
    assert!(!world.log().contains("panicked at"), "{}", world.log());
}
