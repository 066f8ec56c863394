//! The transform `http`, against a function that drops, fails, refuses at first, and answers.
use crate::world::World;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

const PIPELINE: &str = r#"
name = "calls"
[sources.in]
type = "files"
paths = ["in.jsonl"]
format = "json"
[transforms.ask]
type = "http"
inputs = ["in"]
url = "URL"
retries = 2
headers = { authorization = "Bearer ${TOKEN:-sesame}" }
on_error = "bad"
[transforms.more]
type = "map"
inputs = ["ask"]
program = '. + {line: $meta.offset}'
[sinks.out]
type = "files"
inputs = ["more"]
path = "out"
format = "json"
[sinks.bad]
type = "files"
path = "bad"
format = "json"
"#;

/// How often each record was asked for, by its data.
type Asked = Arc<Mutex<BTreeMap<String, u32>>>;

/// What the function answers to a record: status and body.
fn answer(data: &str, tries: u32) -> (u16, String) {
    let record = |rest: &str| format!("{{\"records\":[{{\"recordId\":\"1\",{rest}}}]}}");
    // {"n":1} to {"n":5} in base64; the answer is {"m":7}.
    match (data, tries) {
        ("eyJuIjoxfQ==", _) => (200, record(r#""result":"Ok","data":"eyJtIjo3fQ==""#)),
        ("eyJuIjoyfQ==", _) => (200, record(r#""result":"Dropped""#)),
        ("eyJuIjozfQ==", _) => (200, record(r#""result":"ProcessingFailed","errorMessage":"three""#)),
        ("eyJuIjo0fQ==", 1 | 2) => (503, "busy".into()),
        ("eyJuIjo0fQ==", _) => (200, record(r#""result":"Ok","data":"eyJtIjo3fQ==""#)),
        _ => (500, "never".into()),
    }
}

fn serve(mut stream: TcpStream, asked: &Asked) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let (mut length, mut allowed, mut line) = (0, false, String::new());
        while reader.read_line(&mut line).ok()? > 2 {
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            allowed |= line.trim_end().ends_with("Bearer sesame");
            line.clear();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let request: serde_json::Value = serde_json::from_slice(&body).ok()?;
        let data = request["records"][0]["data"].as_str()?.to_owned();
        let tries = {
            let mut asked = asked.lock().unwrap();
            let tries = asked.entry(data.clone()).or_default();
            *tries += 1;
            *tries
        };
        let (status, body) = if allowed { answer(&data, tries) } else { (401, "who?".into()) };
        write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n{body}", body.len()).ok()?;
    }
}

fn function() -> (String, Asked) {
    let (listener, asked) = (TcpListener::bind("127.0.0.1:0").unwrap(), Asked::default());
    let (url, shared) = (format!("http://{}/ask", listener.local_addr().unwrap()), Arc::clone(&asked));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let asked = Arc::clone(&shared);
            std::thread::spawn(move || serve(stream, &asked));
        }
    });
    (url, asked)
}

#[test]
fn records_are_made_dropped_tried_again_and_given_up() {
    let (url, asked) = function();
    let world = World::new(&PIPELINE.replace("URL", &url));
    world.write("in.jsonl", "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n{\"n\":5}\n");
    world.run();
    assert_eq!(world.lines("out"), [r#"{"m":7,"line":0}"#, r#"{"m":7,"line":24}"#]);
    let bad = world.lines("bad").join("\n");
    assert!(bad.contains("the function says ProcessingFailed: three") && bad.contains(r#""raw":"{\"n\":3}""#), "{bad}");
    assert!(bad.contains("500") && bad.contains("never (tried 3 times)"), "{bad}");
    let mut tries: Vec<u32> = asked.lock().unwrap().values().copied().collect();
    tries.sort_unstable();
    assert_eq!(tries, [1, 1, 1, 3, 3]);
}

#[test]
fn what_is_no_url_is_refused_and_a_secret_header_is_not_said() {
    let said = World::new(&PIPELINE.replace("URL", "localhost")).refused();
    assert!(said.contains("[transforms.ask] url: is no URL"), "{said}");
    let world = World::new(
        &PIPELINE
            .replace("URL", "http://127.0.0.1:1/")
            .replace("on_error = \"bad\"\n", "on_error = \"fail\"\n")
            .replace("[sinks.bad]", "[sinks.bad]\ninputs = [\"in\"]"),
    );
    world.write("in.jsonl", "{\"n\":1}\n");
    let said = world.fails();
    assert!(said.contains("transforms.ask: in.jsonl at 0: "), "{said}");
    assert!(said.contains("tried 3 times") && !said.contains("sesame"), "{said}");
}

/// A function that turns each record of a request into the number of records in it, and says which requests it had.
fn counting() -> (String, Arc<Mutex<Vec<usize>>>) {
    let (listener, sizes) = (TcpListener::bind("127.0.0.1:0").unwrap(), Arc::<Mutex<Vec<usize>>>::default());
    let (url, shared) = (format!("http://{}/", listener.local_addr().unwrap()), Arc::clone(&sizes));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let sizes = Arc::clone(&shared);
            std::thread::spawn(move || count(stream, &sizes));
        }
    });
    (url, sizes)
}

fn count(mut stream: TcpStream, sizes: &Mutex<Vec<usize>>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let (mut length, mut line) = (0, String::new());
        while reader.read_line(&mut line).ok()? > 2 {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            line.clear();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let request: serde_json::Value = serde_json::from_slice(&body).ok()?;
        let records = request["records"].as_array()?;
        sizes.lock().unwrap().push(records.len());
        // In the opposite order, and each as it came.
        let answers: Vec<_> = records
            .iter()
            .rev()
            .map(|r| serde_json::json!({ "recordId": r["recordId"], "result": "Ok", "data": r["data"] }))
            .collect();
        let body = serde_json::json!({ "records": answers }).to_string();
        write!(stream, "HTTP/1.1 200 x\r\ncontent-length: {}\r\n\r\n{body}", body.len()).ok()?;
    }
}

#[test]
fn a_batch_is_one_call_and_each_record_gets_its_own_answer() {
    let (url, sizes) = counting();
    let world = World::new(&PIPELINE.replace("URL", &url).replace("retries = 2", "batch = 100\nlinger = \"200ms\""));
    let lines: Vec<String> = (0..250).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    world.write("in.jsonl", &lines.concat());
    world.run();
    let mut out = world.lines("out");
    out.iter_mut().for_each(|line| line.truncate(line.find(",\"line\"").unwrap()));
    let mut wanted: Vec<String> = (0..250).map(|n| format!("{{\"n\":{n}")).collect();
    wanted.sort();
    out.sort();
    assert_eq!(out, wanted);
    let sizes = sizes.lock().unwrap();
    assert!(sizes.iter().sum::<usize>() == 250 && sizes.len() < 20 && sizes.contains(&100), "{sizes:?}");
}

#[test]
fn limits_of_batches_are_checked() {
    for (options, wanted) in [
        ("batch = 0", "batch: is 1 to 1000 records"),
        ("batch = 200\nat_once = 100", "at_once: is 200, a whole batch, to 10000"),
        ("linger = \"10s\"", "linger: is shorter than the timeout"),
    ] {
        let pipeline = PIPELINE.replace("URL", "http://127.0.0.1:1/").replace("retries = 2", options);
        let said = World::new(&pipeline).refused();
        assert!(said.contains(wanted), "{said}");
    }
}
