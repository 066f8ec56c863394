//! A registry of a test: answers that it is told to give, and what it was asked.
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// What it was asked: the request's line, the authorization, the body.
pub type Asked = (String, String, String);

#[derive(Clone, Default)]
pub struct Server {
    pub asked: Arc<Mutex<Vec<Asked>>>,
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
}

impl Server {
    /// Gives these answers in turn, the last one for ever; its URL.
    pub fn start(answers: &[(u16, &str)]) -> (Self, String) {
        let server = Self::default();
        server.answers.lock().unwrap().extend(answers.iter().map(|(status, body)| (*status, (*body).to_owned())));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                std::thread::spawn(move || serving.serve(stream));
            }
        });
        (server, url)
    }

    /// Serves one connection until it ends.
    pub fn serve(&self, stream: impl Read + Write) -> Option<()> {
        let mut stream = BufReader::new(stream);
        loop {
            let (mut head, mut length, mut authorization, mut line) = (String::new(), 0, String::new(), String::new());
            while stream.read_line(&mut line).ok()? > 2 {
                if head.is_empty() {
                    head = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
                }
                let (name, value) = line.split_once(':').unwrap_or((&line, ""));
                match name.to_ascii_lowercase().as_str() {
                    "content-length" => length = value.trim().parse().ok()?,
                    "authorization" => authorization = value.trim().to_owned(),
                    _ => {}
                }
                line.clear();
            }
            if head.is_empty() {
                return None;
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).ok()?;
            self.asked.lock().unwrap().push((head, authorization, String::from_utf8(body).ok()?));
            let (status, body) = self.answer();
            let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.get_mut().write_all(head.as_bytes()).ok()?;
            stream.get_mut().write_all(body.as_bytes()).ok()?;
            stream.get_mut().flush().ok()?;
        }
    }

    fn answer(&self) -> (u16, String) {
        let mut answers = self.answers.lock().unwrap();
        match answers.len() {
            1 => answers[0].clone(),
            _ => answers.pop_front().unwrap(),
        }
    }

    /// The lines of all requests.
    pub fn lines(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(line, ..)| line.clone()).collect()
    }
}
