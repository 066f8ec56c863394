//! Processes that meet, and impostors that are turned away meanwhile.
use super::*;
use crate::mesh::{Hosts, Tls};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::thread::scope;

fn clusters(processes: usize) -> Vec<Cluster> {
    let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let hosts = Hosts::new((0..processes).map(|_| free())).unwrap();
    let cluster =
        |process| Cluster { patience: Duration::from_secs(10), ..Cluster::new(hosts.clone(), process).unwrap() };
    (0..processes).map(cluster).collect()
}

fn sameness(processes: u32) -> Sameness {
    Sameness { job: "job".into(), processes, workers: 1, build: 1, graph: 2, arguments: 3 }
}

fn plan() -> Plan {
    let session = Session { generation: 7, nonce: "n".into() };
    Plan { session, incarnation: "i".into(), first: 3, restore: Some(2), start_now: 5, over: false }
}

/// Process 0 of the clusters; `meanwhile` is done before the others come. Gives all links of each process.
fn meet(clusters: &[Cluster], meanwhile: impl FnOnce(&str)) -> Vec<Links> {
    let (status, same) = (Status::default(), sameness(clusters.len() as u32));
    let waiting = |cluster| Waiting { cluster, sameness: same.clone(), status: &status };
    scope(|threads| {
        let leader = threads.spawn(|| gather(&waiting(&clusters[0])).unwrap().welcome(&plan()).unwrap());
        meanwhile(clusters[0].hosts.address(0));
        let followers: Vec<_> = clusters[1..].iter().map(|c| threads.spawn(|| follow(&waiting(c)).unwrap())).collect();
        let mut all = vec![leader.join().unwrap()];
        for follower in followers {
            let (told, links) = follower.join().unwrap();
            assert_eq!(told, plan());
            all.push(links);
        }
        all
    })
}

fn peers(links: &Links) -> Vec<Option<usize>> {
    links.iter().map(|link| link.as_ref().map(|link| link.peer)).collect()
}

/// Connects and says hello; gives what is answered.
fn knock(at: &str, hello: &Hello) -> Result<Answer, String> {
    let stream = connect(at);
    say(&stream, hello)?;
    listen(&stream)
}

fn connect(at: &str) -> TcpStream {
    let began = Instant::now();
    loop {
        match TcpStream::connect(at) {
            Ok(stream) => return stream,
            Err(e) => assert!(began.elapsed() < Duration::from_secs(5), "{e}"),
        }
    }
}

fn refusal(answer: Result<Answer, String>) -> String {
    match answer {
        Ok(Answer::Refused { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_process_has_a_link_to_every_other() {
    let all = meet(&clusters(3), |_| {});
    for (process, links) in all.iter().enumerate() {
        let expected: Vec<_> = (0..3).map(|peer| (peer != process).then_some(peer)).collect();
        assert_eq!(peers(links), expected, "process {process}");
    }
}

#[test]
fn an_impostor_is_refused_and_the_others_meet() {
    let mut silent = vec![];
    let all = meet(&clusters(2), |at| {
        silent.push(connect(at)); // says nothing at all
        let random = connect(at);
        random.write_all(&[7; 64]).unwrap();
        assert_eq!(Transport::read(&random, &mut [0; 8]).unwrap_or(0), 0, "it is closed");
        let hello = Hello { sameness: sameness(2), index: 1, session: None };
        let other = |change: &dyn Fn(&mut Hello)| {
            let mut hello = hello.clone();
            change(&mut hello);
            refusal(knock(at, &hello))
        };
        assert!(other(&|h| h.sameness.job = "theirs".into()).contains("theirs"));
        assert!(other(&|h| h.sameness.workers = 2).contains("--workers 2"));
        assert!(other(&|h| h.sameness.build = 0).contains("build"));
        assert!(other(&|h| h.sameness.graph = 0).contains("graph"));
        assert!(other(&|h| h.sameness.arguments = 0).contains("arguments"));
        for index in [0, 2, u32::MAX] {
            assert!(other(&|h| h.index = index).contains("does not connect here"));
        }
        let older = Session { generation: 3, nonce: "old".into() };
        assert!(other(&|h| h.session = Some(older.clone())).contains("generation 3"));
    });
    assert_eq!((peers(&all[0]), peers(&all[1])), (vec![None, Some(1)], vec![Some(0), None]));
}

#[test]
fn who_does_not_come_is_named() {
    let mut clusters = clusters(2);
    clusters.iter_mut().for_each(|c| c.patience = Duration::from_millis(200));
    let status = Status::default();
    let waiting = |cluster| Waiting { cluster, sameness: sameness(2), status: &status };
    let alone = gather(&waiting(&clusters[0])).err().unwrap();
    assert_eq!(alone.kind, FailureKind::Lost);
    assert!(alone.what.contains("process 1 (127.0.0.1:"), "{}", alone.what);
    let alone = follow(&waiting(&clusters[1])).err().unwrap();
    assert!(alone.what.contains("process 0 (127.0.0.1:"), "{}", alone.what);
    status.stop();
    assert_eq!(gather(&waiting(&clusters[0])).err().unwrap().kind, FailureKind::Stopped);
}

/// Certificates of one authority, in files; for a process at this address.
fn tls(folder: &Path, name: &str, authority: &Issuer<'_, KeyPair>, trusted: &str) -> Tls {
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["127.0.0.1".to_string()]).unwrap().signed_by(&key, authority).unwrap();
    let file = |kind: &str, text: &str| {
        let path = folder.join(format!("{name}.{kind}"));
        std::fs::write(&path, text).unwrap();
        path
    };
    let (certificate, key) = (file("crt", &certificate.pem()), file("key", &key.serialize_pem()));
    Tls::read(&certificate, &key, &file("ca", trusted)).unwrap()
}

/// An authority, and its own certificate as PEM.
fn authority() -> (Issuer<'static, KeyPair>, String) {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    (Issuer::new(params, key), pem)
}

#[test]
fn with_tls_only_who_shows_a_certificate_of_the_authority_is_let_in() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, pem) = authority();
    let (theirs, _) = authority();
    let mut clusters = clusters(2);
    for (i, cluster) in clusters.iter_mut().enumerate() {
        cluster.tls = Some(tls(folder.path(), &format!("p{i}"), &ours, &pem));
    }
    let stranger = tls(folder.path(), "stranger", &theirs, &pem);
    let hello = Hello { sameness: sameness(2), index: 1, session: None };
    let all = meet(&clusters, |at| {
        assert!(knock(at, &hello).is_err(), "plain text");
        let stream = connect(at);
        stream.allow(Duration::from_secs(5)).unwrap();
        let answered = stranger.connect(stream, at).and_then(|transport| {
            say(&*transport, &hello)?;
            listen::<Answer>(&*transport)
        });
        assert!(answered.is_err(), "another authority's certificate: {answered:?}");
    });
    assert_eq!(peers(&all[1]), [Some(0), None]);
}

#[test]
fn tls_carries_both_directions_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, pem) = authority();
    let tls = tls(folder.path(), "p", &ours, &pem);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().to_string();
    let bytes: Vec<u8> = (0..3_000_000u32).map(|i| (i * 7 + i / 251) as u8).collect();
    scope(|threads| {
        let far = threads.spawn(|| tls.accept(listener.accept().unwrap().0).unwrap());
        let near = tls.connect(connect(&at), &at).unwrap();
        for end in [near, far.join().unwrap()] {
            let (bytes, writing) = (&bytes, Arc::clone(&end));
            threads.spawn(move || bytes.chunks(70_000).for_each(|chunk| writing.write_all(chunk).unwrap()));
            threads.spawn(move || {
                let mut got = vec![0; bytes.len()];
                crate::mesh::transport::Reading(&*end).read_exact(&mut got).unwrap();
                assert!(got == *bytes, "what was sent comes in order");
            });
        }
    });
}
